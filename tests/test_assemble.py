import logging
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from circlet.cli import main
from circlet.files import read_json, write_json, write_table
from circlet.model.calibration import Calibration, fit_calibration
from circlet.model.checkpoint import Checkpoint, save_weights
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig, build_network
from circlet.model.scoring import ensemble_logits
from circlet.model.tokens import TokenStore
from circlet.model.trees import Trees, blend, fit_weight
from circlet.thresholds import choose_threshold

VOCABULARY = KmerVocab(k=1, stride=1, window=None, ring=False, kmers=("A", "C", "G", "T"))
CONFIG = NetworkConfig(
    6, max_tokens=24, streams=1, patch=2, width=4, layers=1, heads=1, feedforward=4, ends=2
)
PARTS = ["train", "validation", "validation", "validation", "test"]
OUTPUTS = [
    "config.json",
    "manifest.json",
    "reference.safetensors",
    "seed1.safetensors",
    "seed7.safetensors",
    "training.json",
]


@dataclass(frozen=True)
class Trained:
    """Files of two trained seeds, and what they hold.

    `logits` and `classes` are of the 90 transcripts of the validation part.
    """

    folder: Path
    logits: np.ndarray
    classes: np.ndarray

    def path(self, name):
        return str(self.folder / name)

    def assemble(self, output, *words, seeds=(1, 7)):
        """Assemble by the command line; words given last count. Returns the exit code."""
        files = ("tokens.npy", "offsets.npy", "features.npy", "index.parquet", "vocabulary.json")
        return main(
            [
                "assemble",
                *("--weights", *(self.path(f"seed{seed}.safetensors") for seed in seeds)),
                *("--records", *(self.path(f"seed{seed}.json") for seed in seeds)),
                *(word for name in files for word in (f"--{name.split('.')[0]}", self.path(name))),
                *("--min-length", "17", "--device", "cpu", "--threads", "1"),
                *("--output", str(output), *words),
            ]
        )


@pytest.fixture
def trained(tmp_path):
    """Two random networks, and classes that follow the mean of their logits with some noise."""
    folder, rng = tmp_path / "trained", np.random.default_rng(5)
    torch.manual_seed(5)
    members = [build_network(CONFIG) for _ in range(2)]
    for seed, member in zip((1, 7), members, strict=True):
        torch.nn.init.normal_(member.head[-1].weight, std=4)
        save_weights(member, folder / f"seed{seed}.safetensors")
        write_json(folder / f"seed{seed}.json", {"seed": seed, "network": asdict(CONFIG)})
    lengths = rng.integers(5, 40, 150)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = rng.integers(2, 6, offsets[-1]).astype(np.uint16)
    features = np.hstack(
        [rng.random((150, 8)), rng.integers(0, 4, (150, 8)), rng.random((150, 340))]
    ).astype(np.float32)
    sequences = np.split(tokens, offsets[1:-1])
    logits = ensemble_logits(members, sequences, features, 24, torch.device("cpu"))
    is_circrna = logits + rng.normal(0, logits.std() / 2, 150) > np.median(logits)
    index = pd.DataFrame(
        {
            "id": [f"t{row}" for row in range(150)],
            "label": np.where(is_circrna, "circRNA", "lncRNA"),
            "part": PARTS * 30,
            "length": lengths,
            "hash": rng.integers(1, 2**60, 150).astype(np.uint64),
        }
    )
    for name, array in {"tokens": tokens, "offsets": offsets, "features": features}.items():
        np.save(folder / f"{name}.npy", array)
    write_table(folder / "index.parquet", index)
    VOCABULARY.save(folder / "vocabulary.json")
    chosen = (index["part"] == "validation").to_numpy()
    return Trained(folder, logits[chosen], is_circrna[chosen].astype(int))


@pytest.mark.parametrize("method", ["platt", "isotonic", "temperature", "none"])
def test_checkpoint_is_fitted_on_the_validation_part(trained, tmp_path, method):
    assert trained.assemble(tmp_path / "model", "--calibration", method) == 0
    made = Checkpoint.load(tmp_path / "model").description
    assert (made.names, made.vocabulary) == (["seed1", "seed7"], VOCABULARY)
    assert made.network == asdict(CONFIG)
    assert made.min_length == 17
    assert made.training == [{"seed": seed, "network": asdict(CONFIG)} for seed in (1, 7)]
    expected = fit_calibration(method, trained.logits, trained.classes)
    assert made.calibration.method == expected.method == method
    p = expected(trained.logits)
    np.testing.assert_allclose(made.calibration(trained.logits), p, atol=1e-6)
    assert made.threshold == pytest.approx(choose_threshold(p, trained.classes), abs=1e-6)


def test_trees_join_with_the_share_that_serves_best(trained, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    index = pd.read_parquet(trained.path("index.parquet"))
    features = np.load(trained.path("features.npy"))
    features[:, 2] = (index["label"] == "circRNA") + np.random.default_rng(1).normal(size=150)
    np.save(trained.path("features.npy"), features)
    trees = Trees(
        roots=np.array([0]),
        feature=np.array([2, 0, 0]),
        threshold=np.array([0.5, 0.0, 0.0]),
        left=np.array([1, 1, 2]),
        right=np.array([2, 1, 2]),
        value=np.array([0.0, -1.0, 1.0]),
        baseline=np.array([0.0]),
    )
    trees.save(trained.path("trees.safetensors"))
    assert trained.assemble(tmp_path / "model", "--trees", trained.path("trees.safetensors")) == 0
    made = Checkpoint.load(tmp_path / "model").description
    alone = Checkpoint.load(tmp_path / "model").members
    held_out = features[(index["part"] == "validation").to_numpy()]
    sequences = TokenStore.load(
        *(trained.path(name) for name in ("tokens.npy", "offsets.npy", "features.npy")),
        trained.path("index.parquet"),
    )
    rows = sequences.rows("validation")
    logits = ensemble_logits(
        alone, [sequences[row] for row in rows], held_out, 24, torch.device("cpu")
    )
    weight = fit_weight(logits, trees(held_out), trained.classes)
    assert 0 < weight < 1
    assert made.tree_weight == pytest.approx(weight)
    expected = fit_calibration("platt", blend(logits, trees(held_out), weight), trained.classes)
    assert made.calibration.parameters == pytest.approx(expected.parameters)
    assert f"their share of the score is {weight:.2f}" in caplog.text
    # Those that lie in the folder are not written again.
    before = (tmp_path / "model/trees.safetensors").stat()
    assert (
        trained.assemble(tmp_path / "model", "--trees", f"{tmp_path}/model/trees.safetensors") == 0
    )
    assert (tmp_path / "model/trees.safetensors").stat().st_mtime_ns == before.st_mtime_ns


def test_same_input_gives_the_same_bytes(trained, tmp_path):
    for name in ("one", "two"):
        assert trained.assemble(tmp_path / name) == 0
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == [*OUTPUTS, "vocabulary.json"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    for name in ("seed1.safetensors", "seed7.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (trained.folder / name).read_bytes()


def test_other_parts_are_never_read(trained, tmp_path):
    assert trained.assemble(tmp_path / "before") == 0
    index = pd.read_parquet(trained.path("index.parquet"))
    is_other = (index["part"] != "validation").to_numpy()
    index.loc[is_other, "label"] = "circRNA"
    write_table(trained.path("index.parquet"), index)
    features = np.load(trained.path("features.npy"))
    features[is_other] = 1
    np.save(trained.path("features.npy"), features)
    offsets, tokens = np.load(trained.path("offsets.npy")), np.load(trained.path("tokens.npy"))
    tokens[np.repeat(is_other, np.diff(offsets))] = 2
    np.save(trained.path("tokens.npy"), tokens)
    assert trained.assemble(tmp_path / "after") == 0
    config = "config.json"
    assert (tmp_path / "after" / config).read_bytes() == (tmp_path / "before" / config).read_bytes()


def test_weights_in_place_are_left_alone(trained):
    paths = [trained.folder / f"seed{seed}.safetensors" for seed in (1, 7)]
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in paths]
    assert trained.assemble(trained.folder) == 0
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in paths] == before
    assert Checkpoint.load(trained.folder).description.names == ["seed1", "seed7"]


def test_weights_of_an_earlier_ensemble_are_replaced(trained, tmp_path):
    shutil.copytree(trained.folder, tmp_path / "model")
    shutil.copy(trained.path("seed7.safetensors"), tmp_path / "model" / "seed1.safetensors")
    assert trained.assemble(tmp_path / "model") == 0
    for name in ("seed1.safetensors", "seed7.safetensors"):
        assert (tmp_path / "model" / name).read_bytes() == (trained.folder / name).read_bytes()


def test_one_seed_is_an_ensemble_too(trained, tmp_path):
    assert trained.assemble(tmp_path / "model", seeds=(7,)) == 0
    assert Checkpoint.load(tmp_path / "model").description.names == ["seed7"]


def test_log_says_what_the_figures_are_of(trained, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    assert trained.assemble(tmp_path / "model") == 0
    lines = [record.message for record in caplog.records]
    assert [line for line in lines if line.startswith("validation AUROC of the model: 0.")]
    (line,) = [line for line in lines if "log loss" in line]
    assert line.startswith("on the validation part itself, so too kind: ")
    threshold = Checkpoint.load(tmp_path / "model").description.threshold
    assert line.endswith(f"at the threshold {threshold:.4f}")


def test_scores_without_an_order_fall_back(trained, tmp_path, caplog):
    index = pd.read_parquet(trained.path("index.parquet"))
    swapped = index["label"].map({"circRNA": "lncRNA", "lncRNA": "circRNA"})
    write_table(trained.path("index.parquet"), index.assign(label=swapped))
    assert trained.assemble(tmp_path / "model") == 0
    assert Checkpoint.load(tmp_path / "model").description.calibration == Calibration("none", {})
    assert "do not rise with the class" in caplog.text


def change_record(trained, **changes):
    record = read_json(trained.path("seed7.json"))
    write_json(trained.path("seed7.json"), record | changes)


def write_index(trained, **columns):
    index = pd.read_parquet(trained.path("index.parquet"))
    write_table(trained.path("index.parquet"), index.assign(**columns))


def widen_network(trained):
    change_record(trained, network=asdict(CONFIG) | {"width": 8})


def give_foreign_vocabulary(trained):
    vocabulary = KmerVocab(k=2, stride=1, window=None, ring=False, kmers=("AC", "GT"))
    vocabulary.save(trained.path("vocabulary.json"))


def give_foreign_tokens(trained):
    np.save(trained.path("tokens.npy"), np.load(trained.path("tokens.npy")) + 3)


def cut_weights(trained):
    path = trained.folder / "seed7.safetensors"
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda t: change_record(t, seed=1), "seed7.json: seed: is of the seed of"),
        (lambda t: change_record(t, seed="7"), "seed7.json: not the record of a training"),
        (lambda t: write_json(t.path("seed1.json"), [1]), "seed1.json: not the record of a"),
        (widen_network, "seed7.json: network: is of another network than"),
        (give_foreign_vocabulary, "vocabulary.json: has 4 tokens but the network 6"),
        (give_foreign_tokens, "tokens: has ids beyond the vocabulary"),
        (cut_weights, "seed7.safetensors: not a whole safetensors file"),
        (lambda t: write_index(t, label="circRNA"), "split: validation: the part lacks a class"),
        (lambda t: write_index(t, part="train"), "split: validation: the part lacks a class"),
    ],
)
def test_files_that_do_not_fit_end_with_one_line(trained, tmp_path, capsys, damage, message):
    damage(trained)
    assert trained.assemble(tmp_path / "model") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("circlet assemble: error: ")
    assert message in error
    assert not (tmp_path / "model").exists()


def test_each_seed_needs_weights_and_record(trained, tmp_path, capsys):
    words = ["--records", trained.path("seed1.json")]
    assert trained.assemble(tmp_path / "model", *words) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "2 weights but 1 records; give both of each seed, in one order" in error


def test_weights_of_another_network_are_refused(trained, tmp_path, capsys):
    for seed in (1, 7):
        network = asdict(CONFIG) | {"width": 8}
        write_json(trained.path(f"seed{seed}.json"), {"seed": seed, "network": network})
    assert trained.assemble(tmp_path / "model") == 2
    assert "seed1.safetensors: does not fit the config" in capsys.readouterr().err
