"""Checkpoints of each format that was released, as they were: they load, and say the same.

`tests/golden/format3` was stored by `make_checkpoint(width=4, feedforward=8, ends=4,
descriptors="sixteen")` of `checkpoint_inputs`, with `TREES` at the weight .25. A format that has
been released is never stored anew; docs/versioning.md tells what is promised.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from checkpoint_inputs import CALIBRATION, DIMERS, REFERENCE, reseal
from prediction_inputs import some_sequences

from circlet.errors import InputError
from circlet.files import read_json, sha256_of, write_json
from circlet.model.checkpoint import Checkpoint
from circlet.model.description import FORMAT
from circlet.predict import Predictor

GOLDEN = Path(__file__).parent / "golden"
FOLDER = GOLDEN / "format3"
# Of the first six of `some_sequences`.
P = [0.52481714, 0.71605989, 0.40737999, 0.52719551, 0.56066249, 0.43529190]


def test_every_format_since_the_first_release_is_kept_here():
    kept = {path.name for path in GOLDEN.glob("format*")}
    assert kept == {f"format{number}" for number in range(3, FORMAT + 1)}


def test_format_3_is_as_it_was_stored():
    assert (
        sha256_of(FOLDER / "manifest.json")
        == "6cc470c8c6b56865bf73cd4339077a50b157a9e1ea000976500a616167929048"
    )


def test_format_3_says_what_it_said():
    found = Predictor.from_pretrained(FOLDER, "cpu").predict_proba(some_sequences()[:6])
    np.testing.assert_allclose(found, P, rtol=0, atol=1e-6)


def test_format_3_is_described_as_it_was():
    about = Checkpoint.load(FOLDER).description
    assert (about.vocabulary, about.calibration) == (DIMERS, CALIBRATION)
    assert (about.min_length, about.threshold, about.tree_weight) == (20, 0.5, 0.25)
    assert about.names == ["seed1", "seed2"]
    assert about.reference.lengths.tolist() == REFERENCE.lengths.tolist()


def test_format_3_loaded_and_saved_says_the_same(tmp_path):
    Checkpoint.load(FOLDER).save(tmp_path)
    found = Predictor.from_pretrained(tmp_path, "cpu").predict_proba(some_sequences()[:6])
    np.testing.assert_allclose(found, P, rtol=0, atol=1e-6)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("has_manifest", [False, True])
def test_formats_before_the_first_release_are_refused_with_the_way_out(
    tmp_path, number, has_manifest
):
    folder = shutil.copytree(FOLDER, tmp_path / "old")
    write_json(folder / "config.json", read_json(folder / "config.json") | {"format": number})
    reseal(folder)
    if not has_manifest:
        (folder / "manifest.json").unlink()
    told = f"config.json: is of format {number}, which is no longer read; run the workflow again"
    with pytest.raises(InputError, match=told):
        Checkpoint.load(folder)


def test_a_format_of_the_future_is_refused(tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / "new")
    manifest = read_json(folder / "manifest.json") | {"format": FORMAT + 1}
    write_json(folder / "manifest.json", manifest)
    with pytest.raises(InputError, match=f"not the manifest of a checkpoint of format {FORMAT}"):
        Checkpoint.load(folder)
