import math
from dataclasses import fields, replace

import numpy as np
import pytest
from safetensors.numpy import load, save

from circlet.composition import compose_any
from circlet.errors import InputError
from circlet.hashes import hash_sequences
from circlet.model import reference as reference_module
from circlet.model.reference import Reference, entropies_of, layouts_of
from circlet.model.tokens import TokenStore

RNG = np.random.default_rng(5)
REFERENCE = Reference(
    np.array([3, 5, 5, 2**64 - 1], dtype=np.uint64),
    np.array([10, 99], dtype=np.int64),
    np.array([[3.0, 5.0], [4.0, 4.0]], dtype=np.float32),
    np.array([1.0, 0.5]),
)


def random_bases(length):
    return "".join(RNG.choice(list("ACGT"), size=length))


def mrna(stretch, beside):
    """An open frame without a stop codon between two ends that are full of them."""
    return "TAATTAATTAA" * (beside // 22) + "GCC" * (stretch // 3) + "TAATTAATTAA" * (beside // 22)


def test_hashes_tell_what_was_seen():
    asked = np.array([0, 3, 4, 5, 6, 2**64 - 2, 2**64 - 1], dtype=np.uint64)
    found = REFERENCE.is_seen(asked)
    assert found.tolist() == [False, True, False, True, False, False, True]
    assert REFERENCE.is_seen(np.array([], dtype=np.uint64)).tolist() == []


def test_layouts_are_of_the_stretch_without_a_stop_and_of_the_rest():
    open_, closed = compose_any(["GCC" * 100, "TAATTAATTAA" * 100])
    first, second = layouts_of(np.stack([open_, closed]))
    assert first == pytest.approx([math.log(330), math.log(100)], rel=1e-4)
    assert math.exp(second[0]) - 30 < 20
    assert math.exp(second[1]) == pytest.approx(1200 - (math.exp(second[0]) - 30), rel=1e-4)
    assert layouts_of(compose_any([])).shape == (0, 2)


def test_entropy_is_of_the_four_mers():
    found = entropies_of(compose_any(["A" * 50, "AC" * 50, random_bases(20_000), "ACG"]))
    assert found[0] == 0
    assert found[1] == pytest.approx(math.log(2), abs=1e-3)
    assert found[2] == pytest.approx(math.log(256), abs=0.02)
    assert found[3] == 0  # it has none


def test_what_is_far_or_simple_is_unlike():
    points = layouts_of(compose_any([mrna(300 + 10 * row, 66) for row in range(12)]))
    reference = replace(REFERENCE, layouts=points, limits=np.array([0.5, 1.0]))
    asked = compose_any([mrna(350, 66), mrna(3000, 6600), "AC" * 200])
    distances = reference.distances(asked)
    assert distances[0] < 0.5 < distances[1]
    assert reference.is_unlike(asked).tolist() == [False, True, True]
    assert reference.is_unlike(compose_any([])).tolist() == []


def test_distances_are_to_the_20th_nearest_or_the_last():
    line = np.stack([np.arange(40), np.zeros(40)], axis=1).astype(np.float32)
    features = compose_any(["GCC" * 100])
    place = layouts_of(features)[0]
    for count, nth in ((40, 20), (4, 4)):
        found = replace(REFERENCE, layouts=place + line[:count]).distances(features)
        assert found == pytest.approx([nth - 1], abs=1e-4)


@pytest.fixture
def store(toy_run):
    names = ("tokens.npy", "offsets.npy", "features.npy", "index.parquet")
    return TokenStore.load(*(toy_run.folder / name for name in names))


def test_a_model_is_described_by_its_dataset(store, toy_run, monkeypatch):
    monkeypatch.setattr(reference_module, "MOST_POINTS", 20)
    found = Reference.of(store)
    table = toy_run.transcripts.merge(toy_run.split, on="id")
    train, validation = (table[table["part"] == part] for part in ("train", "validation"))
    lengths = train["sequence"].str.len()
    assert found.lengths.tolist() == [lengths.min(), lengths.max()]
    assert (found.hashes[1:] >= found.hashes[:-1]).all()
    assert found.is_seen(hash_sequences(train["sequence"])).all()
    assert found.is_seen(hash_sequences(validation["sequence"])).all()
    test = table.loc[table["part"] == "test", "sequence"]
    assert not found.is_seen(hash_sequences(test)).any()
    assert 10 <= len(found.layouts) <= 20
    # 5 in 100 validation sequences are further, 5 in 1,000 simpler.
    features = compose_any(validation["sequence"].tolist())
    assert 0 < (found.distances(features) > found.limits[0]).mean() < 0.07
    assert (entropies_of(features) < found.limits[1]).sum() == 1


def test_it_comes_back(tmp_path):
    found = Reference.of_bytes(REFERENCE.to_bytes(), tmp_path)
    for name in (field.name for field in fields(REFERENCE)):
        array = getattr(REFERENCE, name)
        assert np.array_equal(getattr(found, name), array)
        assert getattr(found, name).dtype == array.dtype
    assert REFERENCE.to_bytes() == found.to_bytes()


BAD = {
    "one is missing": lambda arrays: arrays.pop("limits"),
    "one too many": lambda arrays: arrays.update(more=np.zeros(2)),
    "another type": lambda arrays: arrays.update(hashes=np.array([1, 2], dtype=np.int64)),
    "no order": lambda arrays: arrays.update(hashes=np.array([5, 3], dtype=np.uint64)),
    "no hashes": lambda arrays: arrays.update(hashes=np.array([], dtype=np.uint64)),
    "hashes in a plane": lambda arrays: arrays.update(hashes=np.ones((2, 2), dtype=np.uint64)),
    "three lengths": lambda arrays: arrays.update(lengths=np.array([1, 2, 3])),
    "three coordinates": lambda arrays: arrays.update(layouts=np.zeros((2, 3))),
    "no layouts": lambda arrays: arrays.update(layouts=np.zeros((0, 2))),
    "a layout that is none": lambda arrays: arrays.update(layouts=np.full((2, 2), np.nan)),
    "a limit that is none": lambda arrays: arrays.update(limits=np.array([np.inf, 0])),
    "limits as a number": lambda arrays: arrays.update(limits=np.array(1.0)),
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_what_is_something_else_is_refused(change):
    arrays = load(REFERENCE.to_bytes())
    change(arrays)
    with pytest.raises(InputError, match=r"^here: does not tell what a model was made of; train"):
        Reference.of_bytes(save(arrays), "here")


@pytest.mark.parametrize("length", [0, 5, 100, -1])
def test_what_is_damaged_is_refused(length):
    with pytest.raises(InputError, match=r"^here: not a whole safetensors file"):
        Reference.of_bytes(REFERENCE.to_bytes()[:length], "here")


def test_types_that_numpy_does_not_know_are_refused():
    """As a forger may write them; safetensors reads such a file for torch."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save as save_torch

    arrays = {name: torch.zeros(2) for name in ("hashes", "lengths", "layouts")}
    content = save_torch(arrays | {"limits": torch.zeros(2, dtype=torch.bfloat16)})
    with pytest.raises(InputError, match=r"^here: "):
        Reference.of_bytes(content, "here")
