import numpy as np
import pytest

from circlet.evaluation import bootstrap
from circlet.evaluation.bootstrap import group_weights, percentile_interval

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
