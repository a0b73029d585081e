import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from circlet.evaluation.metrics import replicate_scores
from circlet.evaluation.significance import (
    area_difference,
    clustered_delong,
    decide,
    difference_p_value,
    holm,
    placements,
)


def simulate(groups, seed, effect=0.5):
    """Classes, two correlated scores and group numbers; one group in five holds both classes."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 1, 1, 2, 4], groups)
    number = np.repeat(np.arange(groups), sizes)
    truth = (np.arange(groups) % 2 == 0)[number]
    is_mixed = (np.arange(groups) % 5 == 0)[number]
    truth[is_mixed] = rng.random(is_mixed.sum()) < 0.5
    shared = truth + effect * rng.standard_normal(groups)[number]
    scores = [shared + 0.5 * rng.standard_normal(len(truth)) for _ in range(2)]
    # Some ties, each of which counts one half.
    return truth, np.round(scores, 1), number


def obuchowski_by_hand(truth, scores, groups):
    """Areas and covariance by the sums of the paper, pair by pair."""
    circles, others = np.flatnonzero(truth), np.flatnonzero(~truth)
    m, n = len(circles), len(others)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    areas, x_sums, y_sums = [], [], []
    for row in scores:

        def won(x, y, row=row):
            return 1.0 if row[x] > row[y] else 0.5 if row[x] == row[y] else 0.0

        v10 = {x: sum(won(x, y) for y in others) / n for x in circles}
        v01 = {y: sum(won(x, y) for x in circles) / m for y in others}
        area = sum(v10.values()) / m
        areas.append(area)
        x_sums.append([sum(v10[i] - area for i in rows if truth[i]) for rows in members])
        y_sums.append([sum(v01[i] - area for i in rows if not truth[i]) for rows in members])
    with_x = sum(any(truth[i] for i in rows) for rows in members)
    with_y = sum(any(not truth[i] for i in rows) for rows in members)
    covariance = np.zeros((len(scores), len(scores)))
    for r, s in product(range(len(scores)), repeat=2):
        s10 = with_x / ((with_x - 1) * m) * np.dot(x_sums[r], x_sums[s])
        s01 = with_y / ((with_y - 1) * n) * np.dot(y_sums[r], y_sums[s])
        all_of = len(members) / (len(members) - 1)
        s11, s11_back = (np.dot(x_sums[a], y_sums[b]) * all_of for a, b in ((r, s), (s, r)))
        covariance[r, s] = s10 / m + s01 / n + (s11 + s11_back) / (m * n)
    return np.array(areas), covariance


def delong(truth, scores):
    """Covariance of DeLong et al. 1988, from the matrix of all pairs."""
    v10, v01 = [], []
    for row in scores:
        gaps = row[truth][:, None] - row[~truth]
        won = (gaps > 0) + 0.5 * (gaps == 0)
        v10.append(won.mean(axis=1))
        v01.append(won.mean(axis=0))
    return np.cov(v10) / truth.sum() + np.cov(v01) / (~truth).sum()


def test_holm_on_a_worked_example():
    # .005 * 4 = .02; .01 * 3 = .03; .03 * 2 = .06; .04 * 1 is below the one before it.
    found = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert found == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_leaves_out_what_was_no_test_and_ends_at_one():
    found = holm(np.array([0.5, np.nan, 0.02, 0.6]))
    assert found == pytest.approx([1, np.nan, 0.06, 1], nan_ok=True)
    assert holm(np.array([0.03])) == pytest.approx([0.03])
    assert len(holm(np.array([]))) == 0
    assert np.isnan(holm(np.array([np.nan]))).all()


def test_holm_does_not_change_what_it_is_given():
    given = np.array([0.01, 0.02])
    holm(given)
    assert given.tolist() == [0.01, 0.02]


def test_placements_of_a_small_example():
    truth = np.array([True, False, True, False])
    # The circRNA at .5 beats one lncRNA and ties with the other; that at .9 beats both.
    found = placements(truth, np.array([0.5, 0.5, 0.9, 0.1]))
    assert found.tolist() == [0.75, 0.75, 1.0, 1.0]


def test_areas_are_those_of_scikit_learn():
    truth, scores, groups = simulate(60, seed=1)
    areas, _ = clustered_delong(truth, scores, groups)
    assert areas == pytest.approx([roc_auc_score(truth, row) for row in scores])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_covariance_is_the_one_of_the_sums_of_the_paper(seed):
    truth, scores, groups = simulate(25, seed)
    areas, covariance = clustered_delong(truth, scores, groups)
    expected_areas, expected = obuchowski_by_hand(truth, scores, groups)
    assert areas == pytest.approx(expected_areas)
    assert covariance == pytest.approx(expected)
    assert covariance == pytest.approx(covariance.T)


def test_rows_on_their_own_give_the_covariance_of_delong():
    truth, scores, _ = simulate(60, seed=3)
    _, covariance = clustered_delong(truth, scores, np.arange(len(truth)))
    assert covariance == pytest.approx(delong(truth, scores))


def test_names_and_order_of_the_groups_do_not_matter():
    truth, scores, groups = simulate(40, seed=4)
    order = np.random.default_rng(0).permutation(len(truth))
    renumbered = pd.factorize(groups[order])[0]
    _, there = clustered_delong(truth, scores, groups)
    _, back = clustered_delong(truth[order], scores[:, order], renumbered)
    assert back == pytest.approx(there)


def test_clones_leave_the_error_as_it_is():
    truth, scores, groups = simulate(50, seed=5)
    _, once = clustered_delong(truth, scores, groups)
    _, thrice = clustered_delong(
        np.repeat(truth, 3), np.repeat(scores, 3, axis=1), np.repeat(groups, 3)
    )
    assert thrice == pytest.approx(once)


def test_error_of_a_difference_is_that_of_the_grouped_bootstrap():
    truth, (own, other), groups = simulate(400, seed=6)
    difference, error = area_difference(truth, own, other, groups)
    assert difference == pytest.approx(roc_auc_score(truth, own) - roc_auc_score(truth, other))
    label = np.where(truth, "circRNA", "lncRNA")
    tables = [
        pd.DataFrame({"label": label, "call": label, "p_circrna": row, "group": groups})
        for row in (own, other)
    ]
    drawn = [replicate_scores(table, 2000, seed=0)["auroc"][1:] for table in tables]
    assert error == pytest.approx((drawn[0] - drawn[1]).std(ddof=1), rel=0.06)
    # Rows taken for independent give another one, since a group's effect is shared.
    alone = math.sqrt(clustered_delong(truth, own[None], np.arange(len(truth)))[1][0, 0])
    assert drawn[0].std(ddof=1) > 1.1 * alone


def test_a_class_in_one_group_has_no_error():
    truth = np.array([True, True, False, False])
    areas, covariance = clustered_delong(truth, np.arange(4.0)[None], np.array([0, 0, 1, 2]))
    assert areas.tolist() == [0]
    assert np.isnan(covariance).all()


def test_p_value_is_that_of_student():
    assert difference_p_value(0.02, 0.01, 31) == pytest.approx(2 * stats.t.sf(2, 30))
    assert difference_p_value(-0.02, 0.01, 31) == pytest.approx(2 * stats.t.sf(2, 30))
    # With many groups, that of the normal distribution: two-sided at 1.96.
    assert difference_p_value(1.959964, 1, 10**6) == pytest.approx(0.05, abs=1e-5)


def test_where_nothing_varies_there_is_no_p_value():
    assert difference_p_value(0.0, 0.0, 30) == 1
    assert math.isnan(difference_p_value(0.5, 0.0, 30))
    assert math.isnan(difference_p_value(0.5, math.nan, 30))
    assert math.isnan(difference_p_value(0.5, 0.1, 1))


def test_p_values_of_equal_scores_are_even():
    # 300 test sets of two scores with one AUROC: 5 % of the p-values are below .05.
    found = []
    for seed in range(300):
        truth, (own, other), groups = simulate(80, seed)
        difference, error = area_difference(truth, own, other, groups)
        found.append(difference_p_value(difference, error, 40))
    assert 0.02 < np.mean(np.array(found) < 0.05) < 0.08
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    ("metric", "difference", "p_value", "expected"),
    [
        ("auroc", 0.01, 0.049, "better"),
        ("auroc", -0.01, 0.049, "worse"),
        ("auroc", 0.01, 0.06, "not told apart"),
        ("auroc", 0.01, math.nan, "not told apart"),
        ("brier", -0.01, 0.001, "better"),
        ("ece", 0.01, 0.001, "worse"),
    ],
)
def test_decide(metric, difference, p_value, expected):
    assert decide(metric, difference, p_value, 0.95) == expected
