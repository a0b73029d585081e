"""What a long transcript costs: counted in operations and bytes kept, not timed."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from training_inputs import make_sequence, train_words, write_inputs

from circlet.cli import main
from circlet.composition import compose_any
from circlet.files import read_table, write_table
from circlet.hashes import hash_sequences
from circlet.model.kmers import KmerVocab
from circlet.model.network import Circformer, NetworkConfig, build_network
from circlet.model.tokens import write_array, write_tokens

LONG = 200_000  # nt
CONFIG = NetworkConfig(
    66, max_tokens=1 << 20, window=64, patch=4, width=16, layers=2, heads=2, feedforward=32
)


def cost(length: int) -> tuple[int, int]:
    """Operations of a forward pass over so many tokens, and bytes kept for the backward one."""
    torch.manual_seed(0)
    network = build_network(CONFIG)
    tokens, features = torch.randint(2, 66, (1, length)), torch.rand(1, 356)
    features[:, 8:16] = 0
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    counter = FlopCounterMode(display=False)
    # Operations of this kernel can be counted; it keeps the scores of all pairs, as others do not.
    with (
        sdpa_kernel(SDPBackend.MATH),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        counter,
    ):
        network(tokens, features)
    return counter.get_total_flops(), sum(kept.values())


def test_cost_is_linear_in_the_length_beyond_a_window():
    window = CONFIG.streams * CONFIG.patch * CONFIG.window  # tokens
    first, second, third = (np.array(cost(count * window)) for count in (2, 4, 8))
    np.testing.assert_allclose((third - second) / (second - first), 2, rtol=0.01)


def test_cost_within_a_window_has_pairs():
    window = CONFIG.streams * CONFIG.patch * CONFIG.window
    first, second, third = (np.array(cost(window // count)) for count in (4, 2, 1))
    assert ((third - second) / (second - first) > 2.2).all()


@pytest.fixture
def with_long_one(tmp_path):
    """Inputs of a training, one transcript of which has 200,000 nt."""
    files, rng = write_inputs(tmp_path), np.random.default_rng(1)
    index = read_table(files["index"], ("id", "label", "part"))
    sequences = [make_sequence(rng, label == "circRNA") for label in index["label"]]
    sequences.append("".join(rng.choice(list("ACGT"), LONG)))
    row = pd.DataFrame({"id": ["long"], "label": ["lncRNA"], "part": ["train"]})
    vocabulary = KmerVocab.load(files["vocabulary"])
    write_tokens(sequences, vocabulary, files["tokens"], files["offsets"])
    write_array(files["features"], compose_any(sequences))
    index = pd.concat([index[["id", "label", "part"]], row], ignore_index=True)
    lengths = list(map(len, sequences))
    write_table(files["index"], index.assign(length=lengths, hash=hash_sequences(sequences)))
    return files, sequences[-1]


def test_batches_are_bounded_whatever_the_longest_sequence(with_long_one, tmp_path, monkeypatch):
    files, sequence = with_long_one
    sizes, forward = [], Circformer.forward

    def watched(network, tokens, features):
        sizes.append(tokens.numel())
        return forward(network, tokens, features)

    monkeypatch.setattr(Circformer, "forward", watched)
    budget = 4096
    shape = {"max_tokens": budget, "batch_tokens": budget, "window": 64, "epochs": 1}
    assert main(train_words(files, tmp_path, **shape)) == 0
    assert max(sizes) <= budget + 12  # a multiple of streams and patch
    inputs = [f"--{name}={files[name]}" for name in files]
    outputs = ["--weights", f"{tmp_path}/seed1.safetensors", "--records", f"{tmp_path}/seed1.json"]
    assert main(["assemble", *inputs, *outputs, "--output", str(tmp_path / "model")]) == 0
    (tmp_path / "long.fa").write_text(f">long\n{sequence}\n")
    model, calls = ["--model", str(tmp_path / "model")], tmp_path / "calls.tsv"
    assert main(["predict", *model, f"{tmp_path}/long.fa", "--output", str(calls)]) == 0
    assert calls.read_text().splitlines()[1].split("\t")[3] in ("circRNA", "lncRNA")
