"""What the shipped model says of golden sequences stays: on each torch, and by ONNX Runtime.

The promise: the same bytes at the same number of threads, and 1e-5 across numbers of threads,
torch's versions, processors and ONNX.
"""

import numpy as np
import pandas as pd
import pytest
import torch
from golden_inputs import GOLDEN, golden_records

from circlet.cli import main
from circlet.files import sha256_of
from circlet.models import SHIPPED
from circlet.predict import Predictor

NAMES, SEQUENCES = map(list, zip(*golden_records(), strict=True))
MOST = 1e-5


@pytest.fixture(scope="module")
def stored():
    """The probabilities that were stored, in the order of the sequences."""
    table = pd.read_csv(GOLDEN, sep="\t", comment="#")
    assert table["id"].tolist() == NAMES
    return table["p_circrna"].to_numpy()


@pytest.fixture(scope="module", params=["torch", "onnx"])
def model(request, tmp_path_factory):
    """The model as it ships, and as one file."""
    if request.param == "torch":
        return SHIPPED
    path = tmp_path_factory.mktemp("golden") / "default.onnx"
    assert main(["export", "--output", str(path)]) == 0
    return path


@pytest.fixture(autouse=True)
def _threads_as_before():
    """The number is torch's own, for all of the process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def scores(model, threads):
    return Predictor.from_pretrained(model, "cpu", threads).predict_proba(SEQUENCES)


def test_the_table_is_of_the_model_that_ships():
    """Another model is no drift: see `golden_inputs`."""
    with GOLDEN.open() as handle:
        assert handle.readline() == f"# {sha256_of(SHIPPED / 'manifest.json')}\n"


def test_the_sequences_are_of_every_kind(stored):
    lengths = np.array(list(map(len, SEQUENCES)))
    assert len(SEQUENCES) == 60
    assert (lengths.min(), (lengths > 3072).sum() >= 4) == (200, True)
    assert sum("U" in each.upper() for each in SEQUENCES) == 4
    assert sum("N" in each for each in SEQUENCES) == 6
    assert 20 <= (stored > 0.5).sum() <= 40
    assert stored.min() < 0.05
    assert stored.max() > 0.95


@pytest.mark.parametrize("threads", [1, 2])
def test_the_probabilities_are_those_stored(model, stored, threads):
    found = scores(model, threads)
    np.testing.assert_allclose(found, stored, rtol=0, atol=MOST)
    assert found.tobytes() == scores(model, threads).tobytes()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_tables_are_the_same_to_the_byte(tmp_path, threads):
    fasta = tmp_path / "golden.fa"
    fasta.write_text("".join(f">{name}\n{bases}\n" for name, bases in golden_records()))
    outputs = [tmp_path / "first.tsv", tmp_path / "second.tsv"]
    for output in outputs:
        words = [str(fasta), "--output", str(output), "--device", "cpu", "--threads", threads]
        assert main(["predict", *words]) == 0
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
