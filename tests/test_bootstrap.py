import numpy as np
import pytest

from circlet.evaluation import bootstrap
from circlet.evaluation.bootstrap import (
    auroc_interval,
    group_weights,
    percentile_interval,
    two_class_weights,
)

GROUPS = np.array([0, 1, 0, 2, 3, 3, 3])


def test_weights_are_whole_groups_drawn_with_replacement():
    weights = np.concatenate(list(group_weights(GROUPS, 500, seed=3)))
    assert weights.shape == (500, 7)
    assert np.array_equal(weights[:, 0], weights[:, 2])
    assert np.array_equal(weights[:, 4], weights[:, 6])
    drawn = weights[:, [0, 1, 3, 4]]
    assert np.array_equal(drawn.sum(axis=1), np.full(500, 4))
    assert drawn.mean(axis=0) == pytest.approx(np.ones(4), abs=0.15)
    assert set(np.unique(drawn)) == {0, 1, 2, 3, 4}


def test_seed_decides_the_weights():
    first, again, other = (next(group_weights(GROUPS, 50, seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_chunks_make_up_all_replicates(monkeypatch):
    monkeypatch.setattr(bootstrap, "CELLS_AT_ONCE", 3 * len(GROUPS))
    assert [len(w) for w in group_weights(GROUPS, 8, seed=0)] == [3, 3, 2]
    monkeypatch.setattr(bootstrap, "CELLS_AT_ONCE", 1)
    assert [len(w) for w in group_weights(GROUPS, 2, seed=0)] == [1, 1]


def test_percentile_interval_leaves_out_equal_tails():
    low, high = percentile_interval(np.arange(101.0), 0.9)
    assert (low, high) == (pytest.approx(5), pytest.approx(95))


def test_replicates_without_a_class_are_left_out():
    truth = np.array([True, True, True, False, False, False, False])
    every = np.concatenate(list(group_weights(GROUPS, 300, seed=1)))
    found = np.concatenate(list(two_class_weights(truth, GROUPS, 300, seed=1)))
    keep = (every[:, :3].sum(axis=1) > 0) & (every[:, 3:].sum(axis=1) > 0)
    assert 0 < keep.sum() < 300
    assert np.array_equal(found, every[keep])


def test_auroc_with_its_interval():
    truth = np.array([True, True, False, False, False])
    scores = np.array([0.9, 0.4, 0.6, 0.4, 0.1])
    groups = np.array(["g", "h", "i", "j", "k"], dtype=object)
    auroc, low, high = auroc_interval(truth, scores, groups, 200, 0.9, seed=0)
    assert auroc == pytest.approx((3 + 1.5) / 6)
    assert 0 <= low < auroc < high <= 1
    order = [4, 2, 0, 1, 3]
    shuffled = auroc_interval(truth[order], scores[order], groups[order], 200, 0.9, seed=0)
    assert shuffled == pytest.approx((auroc, low, high))


def test_auroc_without_a_usable_replicate_has_no_interval():
    # A single draw of two groups with one class each has both classes or has not.
    truth, groups = np.array([True, False]), np.array(["g", "h"], dtype=object)
    found = [auroc_interval(truth, np.array([1.0, 0.0]), groups, 1, 0.9, seed) for seed in range(9)]
    assert {auroc for auroc, _, _ in found} == {1}
    assert {str(low) for _, low, _ in found} == {"1.0", "nan"}
    assert all(low == high or np.isnan([low, high]).all() for _, low, high in found)
