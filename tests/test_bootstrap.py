import numpy as np
import pytest
from scipy import special, stats

from circlet.evaluation import bootstrap
from circlet.evaluation.bootstrap import (
    auroc_interval,
    difference_interval,
    group_weights,
    percentile_interval,
    rarer_class_groups,
    score_interval,
    two_class_weights,
)
from circlet.evaluation.scores import ranking_metrics

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


def test_auroc_of_one_group_a_class_has_no_interval():
    truth, groups = np.array([True, False]), np.array(["g", "h"], dtype=object)
    auroc, low, high = auroc_interval(truth, np.array([1.0, 0.0]), groups, 50, 0.9, seed=0)
    assert auroc == 1
    assert np.isnan([low, high]).all()


def test_the_rarer_class_counts_its_groups():
    truth = np.array([True, True, True, False, False, False, False])
    assert rarer_class_groups(truth, GROUPS) == 2
    assert rarer_class_groups(~truth, GROUPS) == 2
    assert rarer_class_groups(truth, np.arange(7)) == 3


def test_interval_of_a_share_is_symmetric_on_the_logit_scale():
    drawn = np.array([0.88, 0.92, 0.9, 0.86, 0.94])
    low, high = score_interval("auroc", 0.9, drawn, 12, 0.95)
    error = np.std(drawn, ddof=1) / (0.9 * 0.1)
    reach = stats.t.ppf(0.975, 11) * error
    assert [np.log(limit / (1 - limit)) for limit in (low, high)] == pytest.approx(
        [np.log(9) - reach, np.log(9) + reach]
    )
    assert 0 < low < 0.9 - (high - 0.9)
    # With many groups the quantile is the normal distribution's.
    far = score_interval("auroc", 0.9, drawn, 10**6, 0.95)
    assert far[1] == pytest.approx(special.expit(np.log(9) + 1.959964 * error), abs=1e-6)


def test_interval_of_a_correlation_reaches_below_nought():
    drawn = np.array([-0.1, 0.1, 0.0, 0.2, -0.2])
    low, high = score_interval("mcc", 0.0, drawn, 40, 0.95)
    assert low == pytest.approx(-high)
    same = score_interval("f1", 0.5, 0.5 + drawn / 2, 40, 0.95)
    assert (low, high) == pytest.approx(tuple(2 * limit - 1 for limit in same))


def test_interval_of_the_calibration_error_is_of_percentiles():
    drawn = np.linspace(0.02, 0.03, 101)
    found = score_interval("ece", 0.01, drawn, 40, 0.9)
    assert found == pytest.approx((0.0205, 0.0295))


def test_a_perfect_score_has_the_limit_of_as_many_won_trials():
    # With n trials all won, Clopper and Pearson's lower limit solves p ** n = (1 - 0.95) / 2.
    low, high = score_interval("auroc", 1.0, np.ones(50), 10, 0.95)
    assert (low, high) == (pytest.approx(0.025**0.1), 1)
    assert score_interval("sensitivity", 0.0, np.zeros(50), 10, 0.95) == (0, pytest.approx(1 - low))
    assert score_interval("mcc", 1.0, np.ones(50), 10, 0.95) == (pytest.approx(2 * low - 1), 1)


def test_a_score_that_no_draw_moves_is_its_own_interval():
    assert score_interval("auroc", 0.5, np.full(50, 0.5), 10, 0.95) == (0.5, 0.5)


def test_of_one_group_or_replicate_there_is_no_interval():
    for drawn, n_groups in ((np.array([0.8, 0.9]), 1), (np.array([0.9]), 9), (np.array([]), 9)):
        assert np.isnan(score_interval("auroc", 0.9, drawn, n_groups, 0.95)).all()
    assert np.isnan(difference_interval(0.1, 0.05, 1, 0.95)).all()


def test_interval_of_a_difference_is_symmetric():
    reach = stats.t.ppf(0.95, 4) * 0.02
    assert difference_interval(0.01, 0.02, 5, 0.9) == pytest.approx((0.01 - reach, 0.01 + reach))


def test_logit_interval_covers_where_percentiles_do_not():
    # The true AUROC is .98; 30 groups of one or two rows a class, 200 test sets.
    rng = np.random.default_rng(0)
    delta = np.sqrt(2) * stats.norm.ppf(0.98)
    truth = np.repeat([True, False], 45)
    groups = np.concatenate([np.arange(30), np.arange(15), 30 + np.arange(30), 30 + np.arange(15)])
    covered = np.zeros(2)
    for _ in range(200):
        scores = delta * truth + rng.normal(0, np.sqrt(0.5), 60)[groups]
        scores += rng.normal(0, np.sqrt(0.5), 90)
        drawn = np.concatenate(
            [
                ranking_metrics(truth, scores, weights)["auroc"]
                for weights in two_class_weights(truth, groups, 200, seed=0)
            ]
        )
        value = ranking_metrics(truth, scores, np.ones((1, 90)))["auroc"][0]
        limits = (
            score_interval("auroc", value, drawn, 30, 0.95),
            percentile_interval(drawn, 0.95),
        )
        covered += [low <= 0.98 <= high for low, high in limits]
    assert 0.93 <= covered[0] / 200 <= 0.995
    assert covered[1] / 200 < 0.92
