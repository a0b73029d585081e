import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circlet.evaluation.matching import matched_pairs, standardise

NARROW = np.array([0.2, 0.3])


def _cloud(rows, share, seed):
    """Ids in random order, two features that differ between the classes, and the classes."""
    rng = np.random.default_rng(seed)
    is_circrna = rng.random(rows) < share
    features = rng.normal(size=(rows, 2)) + is_circrna[:, None]
    return (
        rng.permutation([f"t{row:04}" for row in range(rows)]).astype(object),
        features,
        is_circrna,
    )


def test_spread_is_the_mean_of_the_variances_of_the_classes():
    features = np.array([[0.0, 7.0], [2.0, 7.0], [10.0, 7.0], [14.0, 7.0]])  # variances 1 and 4
    found = standardise(features, np.array([True, True, False, False]))
    assert found[:, 0] == pytest.approx(features[:, 0] / np.sqrt(2.5))
    assert found[:, 1].tolist() == [7, 7, 7, 7]


def test_pairs_by_hand():
    # Variances 26.27 (circRNA) and 25.17 (lncRNA): a standard deviation of 5.07.
    features = np.array([[0.0], [10.25], [0.5], [12.0], [10.0]])
    is_circrna = np.array([True, True, False, False, False])
    ids = np.array(["e", "d", "c", "b", "a"], dtype=object)
    # 10.25 takes 10 and 0 takes .5, in whichever order: "d" comes before "e".
    assert matched_pairs(ids, features, is_circrna, np.array([0.2]), 0).tolist() == [[1, 4], [0, 2]]
    # A quarter is .049 of it, a half .099.
    assert matched_pairs(ids, features, is_circrna, np.array([0.06]), 0).tolist() == [[1, 4]]
    assert matched_pairs(ids, features, is_circrna, np.array([0.01]), 0).shape == (0, 2)


def test_a_free_row_is_taken_once():
    features = np.array([[0.0], [0.0], [0.0], [0.0]])
    is_circrna = np.array([True, True, True, False])
    ids = np.array(list("abcd"), dtype=object)
    seen = {
        matched_pairs(ids, features, is_circrna, np.array([1.0]), seed)[0, 1] for seed in range(9)
    }
    assert seen == {3}
    assert matched_pairs(ids, features, ~is_circrna, np.array([1.0]), 0).shape == (1, 2)


@given(st.integers(0, 300), st.sampled_from([0.0, 0.1, 0.5, 0.8, 1.0]), st.integers(0, 2**32 - 1))
def test_pairs_are_fair_and_none_is_missed(rows, share, seed):
    ids, features, is_circrna = _cloud(rows, share, seed)
    pairs = matched_pairs(ids, features, is_circrna, NARROW, seed)
    assert is_circrna[pairs[:, 0]].all()
    assert not is_circrna[pairs[:, 1]].any()
    assert len(np.unique(pairs)) == pairs.size  # no row twice
    assert ids[pairs[:, 0]].tolist() == sorted(ids[pairs[:, 0]])
    both = is_circrna.any() and not is_circrna.all()
    points = standardise(features, is_circrna) / NARROW if both else features
    assert (np.abs(points[pairs[:, 0]] - points[pairs[:, 1]]) < 1 + 1e-9).all()
    # Two rows left over are never in reach of each other.
    left = np.setdiff1d(np.arange(rows), pairs)
    circrnas, lncrnas = points[left[is_circrna[left]]], points[left[~is_circrna[left]]]
    apart = np.abs(circrnas[:, None] - lncrnas[None]).max(axis=2)
    assert (apart > 1 - 1e-9).all()


@given(st.integers(2, 200), st.integers(0, 2**32 - 1))
def test_order_of_rows_does_not_matter(rows, seed):
    ids, features, is_circrna = _cloud(rows, 0.4, seed)
    order = np.random.default_rng(seed).permutation(rows)
    first = matched_pairs(ids, features, is_circrna, NARROW, 5)
    second = matched_pairs(ids[order], features[order], is_circrna[order], NARROW, 5)
    assert ids[first].tolist() == ids[order][second].tolist()


def test_the_seed_decides():
    ids, features, is_circrna = _cloud(400, 0.5, seed=1)
    one, again, two = (matched_pairs(ids, features, is_circrna, NARROW, seed) for seed in (1, 1, 2))
    assert one.tolist() == again.tolist()
    assert one.tolist() != two.tolist()


def test_each_takes_the_nearest_that_is_free():
    # The same choices made one at a time, with all distances known.
    ids, features, is_circrna = _cloud(500, 0.3, seed=2)
    by_id = np.argsort(ids)
    points = standardise(features[by_id], is_circrna[by_id]) / NARROW
    truth = is_circrna[by_id]
    free, expected = set(np.flatnonzero(~truth).tolist()), []
    for row in np.random.default_rng(3).permutation(np.flatnonzero(truth)):
        apart = {other: np.abs(points[row] - points[other]).max() for other in free}
        nearest = min(apart, key=apart.get)
        if apart[nearest] < 1:
            free.remove(nearest)
            expected.append((row, nearest))
    pairs = matched_pairs(ids, features, is_circrna, NARROW, 3)
    assert 50 < len(pairs) < is_circrna.sum()
    assert pairs.tolist() == by_id[np.array(sorted(expected))].tolist()


def test_matching_takes_a_separation_away():
    ids, features, is_circrna = _cloud(3000, 0.4, seed=4)
    pairs = matched_pairs(ids, features, is_circrna, np.array([0.1, 0.1]), 0)
    gaps = features[pairs[:, 0]] - features[pairs[:, 1]]
    assert len(pairs) > 500
    assert np.abs(gaps.mean(axis=0)).max() < 0.02  # of 1 before
