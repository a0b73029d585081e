from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.ensemble import HistGradientBoostingClassifier

from circlet.cli import main
from circlet.composition import SIZE
from circlet.errors import InputError
from circlet.model.tokens import TokenStore
from circlet.model.trees import SETTINGS, Trees, blend, fit_weight, grow

pytestmark = pytest.mark.usefixtures("one_thread")

# By hand: one tree asks whether feature 2 is at most .5, and then feature 0 at most -1; the other
# is a leaf.
TREES = Trees(
    roots=np.array([0, 5]),
    feature=np.array([2, 0, 0, 0, 0, 0]),
    threshold=np.array([0.5, -1.0, 0.0, 0.0, 0.0, 0.0]),
    left=np.array([1, 2, 2, 3, 4, 5]),
    right=np.array([4, 3, 2, 3, 4, 5]),
    value=np.array([0.0, 0.0, 1.0, 2.0, 4.0, 16.0]),
    baseline=np.array([0.25]),
)


def made_up(count=400):
    """Features of which some tell the class, some are codes with ties, and most are noise."""
    rng = np.random.default_rng(3)
    classes = rng.integers(0, 2, count)
    features = rng.normal(size=(count, SIZE)).astype(np.float32)
    features[:, 0] += 1.5 * classes
    features[:, 8:16] = rng.integers(0, 4, (count, 8))
    features[:, 9] += classes
    return features, classes


def made_store(part="train", count=400):
    features, classes = made_up(count)
    labels = np.where(classes == 1, "circRNA", "lncRNA")
    index = pd.DataFrame({"id": np.arange(count).astype(str), "label": labels, "part": part})
    return TokenStore(np.zeros(0, np.uint16), np.zeros(count + 1, np.int64), features, index)


def test_scores_by_hand():
    features = np.zeros((4, SIZE))
    features[:, 2] = [0.5, 0.5, 0.6, -9]
    features[:, 0] = [-1, -0.9, 5, -2]
    assert TREES(features).tolist() == [17.25, 18.25, 20.25, 17.25]
    assert TREES(features[:0]).shape == (0,)


def test_copied_trees_score_as_the_classifier_does():
    features, classes = made_up()
    fitted = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(features, classes)
    others = np.vstack([features, 10 * features[:50], features[:50].round(1)])
    found = Trees.of(fitted)(others)
    # The leaves are rounded to fp32; had one sequence gone another way, it would be far off.
    np.testing.assert_allclose(found, fitted.decision_function(others), rtol=0, atol=1e-6)
    assert len(set(found)) > 300


def test_all_trees_at_once_score_to_the_bit_as_one_after_the_other():
    features, classes = made_up()
    fitted = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(features, classes)
    trees = Trees.of(fitted)
    others = np.vstack([features, 10 * features[:50], features[:50].round(1)])
    others[0], others[1, ::2] = np.nan, np.inf
    expected = np.full(len(others), trees.baseline[0])
    for row, sequence in enumerate(others):
        for node in trees.roots:
            while trees.left[node] != node:
                goes_left = sequence[trees.feature[node]] <= trees.threshold[node]
                node = trees.left[node] if goes_left else trees.right[node]
            expected[row] += trees.value[node]
    assert np.array_equal(trees(others), expected)
    assert np.array_equal(trees(np.asfortranarray(others)), expected)
    assert np.array_equal([trees(others[row : row + 1])[0] for row in range(40)], expected[:40])


def test_trees_are_grown_on_the_training_part_alone():
    store = made_store()
    trees = grow(store, 1)
    assert len(trees.roots) == SETTINGS["max_iter"]
    held_out = store.index["part"].mask(np.arange(400) % 2 == 0, "test")
    half = grow(replace(store, index=store.index.assign(part=held_out)), 1)
    changed = store.features.copy()
    changed[::2] = 7  # of the rows that are not in training
    other = replace(store, features=changed, index=store.index.assign(part=held_out))
    assert np.array_equal(grow(other, 1).threshold, half.threshold)
    assert not np.array_equal(trees.threshold, half.threshold)


def test_a_training_part_without_a_class_is_refused():
    with pytest.raises(InputError, match="split: train: the part lacks a class"):
        grow(made_store("test"), 1)


def test_save_and_load(tmp_path):
    TREES.save(tmp_path / "trees.safetensors")
    once = (tmp_path / "trees.safetensors").read_bytes()
    loaded = Trees.load(tmp_path / "trees.safetensors")
    for name, array in vars(TREES).items():
        assert np.array_equal(getattr(loaded, name), array)
    loaded.save(tmp_path / "trees.safetensors")
    assert (tmp_path / "trees.safetensors").read_bytes() == once


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("left", np.array([0, 2, 2, 3, 4, 5])),  # a node that is its own child, on one side
        ("right", np.array([4, 0, 2, 3, 4, 5])),  # a loop
        ("right", np.array([6, 3, 2, 3, 4, 5])),
        ("feature", np.array([SIZE, 0, 0, 0, 0, 0])),
        ("feature", np.array([-1, 0, 0, 0, 0, 0])),
        ("roots", np.array([0, 6])),
        ("value", np.array([0.0, 0.0, 1.0, 2.0, np.nan, 16.0])),
        ("value", np.zeros(5)),
        ("baseline", np.zeros(2)),
    ],
)
def test_arrays_that_are_no_trees_are_refused(tmp_path, name, array):
    replace(TREES, **{name: array}).save(tmp_path / "trees.safetensors")
    with pytest.raises(InputError, match="holds no trees over the composition"):
        Trees.load(tmp_path / "trees.safetensors")


def test_numbers_of_features_are_whole(tmp_path):
    path = tmp_path / "trees.safetensors"
    TREES.save(path)
    save_file(load_file(path) | {"feature": np.zeros(6, np.float32)}, path)
    with pytest.raises(InputError, match="holds no trees over the composition"):
        Trees.load(path)


@pytest.mark.parametrize("name", ["threshold", "value", "baseline"])
def test_other_numbers_are_fractions(tmp_path, name):
    path = tmp_path / "trees.safetensors"
    TREES.save(path)
    arrays = load_file(path)
    save_file(arrays | {name: arrays[name].astype(np.int64)}, path)
    with pytest.raises(InputError, match="holds no trees over the composition"):
        Trees.load(path)


def test_numbers_of_a_type_that_numpy_lacks_are_refused(tmp_path):
    path = tmp_path / "trees.safetensors"
    TREES.save(path)
    content = path.read_bytes()
    start = content.index(b'"baseline"')
    head = content[start:].replace(b'"F64","shape":[1]', b'"F8_E4M3","shape":[8]', 1)
    size = int.from_bytes(content[:8], "little") + len(head) - len(content[start:])
    path.write_bytes(size.to_bytes(8, "little") + content[8:start] + head)
    with pytest.raises(InputError, match="not a whole safetensors file"):
        Trees.load(path)


def test_thresholds_are_rounded_to_where_no_fp32_number_changes_sides():
    features, classes = made_up()
    assert features.dtype == np.float32
    fitted = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(features, classes)
    exact = np.concatenate([each[0].nodes["num_threshold"] for each in fitted._predictors])
    kept = Trees.of(fitted).threshold
    assert (kept.astype(np.float32) == kept).all()
    assert (kept <= exact).all()
    assert (np.nextafter(kept.astype(np.float32), np.float32(np.inf)) > exact).all()


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "trees.safetensors"
    with pytest.raises(InputError, match="no such file"):
        Trees.load(path)
    TREES.save(path)
    arrays = load_file(path)
    arrays.pop("value")
    save_file(arrays, path)
    with pytest.raises(InputError, match="holds no trees"):
        Trees.load(path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match="not a whole safetensors file"):
        Trees.load(path)


def test_blend():
    logits, others = np.array([1.0, -1.0]), np.array([2.0, 6.0])
    assert blend(logits, others, 0.25).tolist() == [1.25, 0.75]
    assert blend(logits, others, 0).tolist() == logits.tolist()
    assert blend(logits, others, 1).tolist() == others.tolist()


def test_the_weight_goes_to_what_foretells():
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 2, 4000)
    good, noise = 2 * classes - 1 + rng.normal(size=4000), rng.normal(size=4000)
    assert fit_weight(good, noise, classes) < 0.05
    assert fit_weight(noise, good, classes) > 0.95
    assert fit_weight(good, -good, classes) == 0
    assert fit_weight(np.zeros(4000), np.zeros(4000), classes) == 0.5
    other = 2 * classes - 1 + rng.normal(size=4000)
    equal = fit_weight(good, other, classes)
    assert equal == pytest.approx(0.5, abs=0.05)
    # Ten times as large, it takes a tenth of the weight.
    large = fit_weight(good, 10 * other, classes)
    assert large / (1 - large) == pytest.approx(equal / (1 - equal) / 10)


def test_the_step_writes_the_same_bytes(toy_run, tmp_path):
    flags = toy_run.flags("trees")
    for name in ("once", "twice"):
        assert main(["trees", *flags, "--output", str(tmp_path / name)]) == 0
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()
    assert len(Trees.load(tmp_path / "once").roots) == SETTINGS["max_iter"]
