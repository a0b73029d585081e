import numpy as np
import pytest
from sklearn import metrics as sk

from circlet.evaluation.scores import METRICS, ece, equal_mass_bins, outcome, weighted_metrics

OF_SKLEARN = METRICS[:-1]  # which has no calibration error


def _sklearn(truth, called, p, weight=None):
    keywords = {"sample_weight": weight}
    return {
        "accuracy": sk.accuracy_score(truth, called, **keywords),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, called, **keywords),
        "sensitivity": sk.recall_score(truth, called, **keywords),
        "specificity": sk.recall_score(truth, called, pos_label=0, **keywords),
        "f1": sk.f1_score(truth, called, **keywords),
        "mcc": sk.matthews_corrcoef(truth, called, **keywords),
        "auroc": sk.roc_auc_score(truth, p, **keywords),
        "auprc": sk.average_precision_score(truth, p, **keywords),
        "specificity_at_95_sensitivity": _best_specificity(truth, p, weight),
        "brier": sk.brier_score_loss(truth, p, **keywords),
    }


def _best_specificity(truth, p, weight):
    false_rate, true_rate, _ = sk.roc_curve(truth, p, sample_weight=weight, drop_intermediate=False)
    return 1 - false_rate[true_rate > 0.95 - 1e-9].min()


def _example(decimals, rows=500):
    rng = np.random.default_rng(11)
    truth = rng.random(rows) < 0.6
    p = np.clip(rng.normal(0.4 + 0.2 * truth, 0.25), 0, 1).round(decimals)
    return truth, p >= 0.5, p


@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_values_are_those_of_scikit_learn(decimals):
    truth, called, p = _example(decimals)
    found = weighted_metrics(truth, called, p, np.ones((1, len(p))))
    assert tuple(found) == METRICS
    expected = _sklearn(truth, called, p)
    assert found["ece"].shape == (1,)
    for name in OF_SKLEARN:
        assert found[name].shape == (1,)
        assert found[name][0] == pytest.approx(expected[name], abs=1e-12, rel=0)


@pytest.mark.parametrize("decimals", [1, 12])
def test_weighted_values_are_those_of_scikit_learn(decimals):
    truth, called, p = _example(decimals)
    weights = np.random.default_rng(5).poisson(1.0, size=(6, len(p))).astype(float)
    found = weighted_metrics(truth, called, p, weights)
    for i, weight in enumerate(weights):
        expected = _sklearn(truth, called, p, weight)
        for name in OF_SKLEARN:
            assert found[name][i] == pytest.approx(expected[name], abs=1e-12, rel=0)


def test_perfect_predictions():
    truth = np.array([True, True, False])
    found = weighted_metrics(truth, truth, truth.astype(float), np.ones((1, 3)))
    assert {name: value[0] for name, value in found.items()} == {
        **dict.fromkeys(METRICS, 1.0),
        "brier": 0.0,
        "ece": 0.0,
    }


@pytest.mark.parametrize(
    ("call", "accuracy", "sensitivity", "f1"), [(True, 0.75, 1, 6 / 7), (False, 0.25, 0, 0)]
)
def test_constant_predictions(call, accuracy, sensitivity, f1):
    truth = np.array([True, False, True, True])
    found = weighted_metrics(truth, np.full(4, call), np.full(4, 0.5), np.ones((1, 4)))
    assert {name: value[0] for name, value in found.items()} == {
        "accuracy": accuracy,
        "balanced_accuracy": 0.5,
        "sensitivity": sensitivity,
        "specificity": 1 - sensitivity,
        "f1": f1,
        "mcc": 0,
        "auroc": 0.5,
        "auprc": 0.75,
        "specificity_at_95_sensitivity": 0,
        "brier": 0.25,
        "ece": 0.25,
    }


def test_specificity_where_exactly_95_percent_are_found():
    # 19 of 20 circRNAs lie above 3 of 4 lncRNAs; the last below all.
    truth = np.array([True] * 20 + [False] * 4)
    p = np.array([0.6] * 19 + [0.1] + [0.7, 0.5, 0.4, 0.3])
    found = weighted_metrics(truth, truth, p, np.ones((1, 24)))
    assert found["specificity_at_95_sensitivity"][0] == 0.75
    found = weighted_metrics(truth, truth, p, np.array([[1.0] * 18 + [0, 1] + [1] * 4]))
    assert found["specificity_at_95_sensitivity"][0] == 0  # 18 of 19 are too few


def test_calls_and_probabilities_are_scored_apart():
    truth = np.array([True, False])
    found = weighted_metrics(truth, ~truth, np.array([0.9, 0.1]), np.ones((1, 2)))
    assert (found["accuracy"][0], found["mcc"][0], found["auroc"][0]) == (0, -1, 1)


def test_bins_hold_equal_counts_and_never_part_equal_values():
    values = np.random.default_rng(0).permutation(45) / 45
    bins = equal_mass_bins(values, 15)
    assert np.bincount(bins).tolist() == [3] * 15
    assert bins[np.argsort(values)].tolist() == np.repeat(np.arange(15), 3).tolist()
    zero, one, *again = equal_mass_bins(np.array([0.0, 1.0, 0.0, 1.0]), 15)
    assert zero < one
    assert again == [zero, one]
    assert equal_mass_bins(np.full(4, 0.5), 15).tolist() == [0] * 4


def _ece_by_hand(truth, p, weight, bins):
    """The definition, bin by bin."""
    gaps = []
    for number in np.unique(bins):
        rows = bins == number
        held = weight[rows].sum()
        if held:
            share, mean = ((weight * of)[rows].sum() / held for of in (truth, p))
            gaps.append(held * abs(share - mean))
    return sum(gaps) / weight.sum()


@pytest.mark.parametrize("decimals", [1, 12])
def test_calibration_error_is_its_definition_whatever_the_weights(decimals):
    truth, _, p = _example(decimals)
    weights = np.random.default_rng(5).poisson(1.0, size=(6, len(p))).astype(float)
    bins = equal_mass_bins(p, 15)
    expected = [_ece_by_hand(truth, p, weight, bins) for weight in weights]
    assert ece(truth, p, weights) == pytest.approx(expected, abs=1e-12)


def test_calibration_error_by_hand():
    # Two probabilities, two bins: shares of 2/4 against .2, and 3/4 against .9.
    truth = np.array([True, True, False, False, True, True, True, False])
    p = np.repeat([0.2, 0.9], 4)
    once = np.ones((1, 8))
    assert ece(truth, p, once)[0] == pytest.approx((4 * 0.3 + 4 * 0.15) / 8)
    assert ece(truth, truth.astype(float), once)[0] == 0
    assert ece(truth, (~truth).astype(float), once)[0] == 1
    order = np.random.default_rng(1).permutation(8)
    assert ece(truth[order], p[order], once)[0] == pytest.approx(0.225)


@pytest.mark.parametrize(
    ("metric", "low", "high", "expected"),
    [
        ("auroc", 0.001, 0.007, "better"),
        ("auroc", -0.007, -0.001, "worse"),
        ("auroc", -0.001, 0.007, "not told apart"),
        ("auroc", 0.0, 0.0, "not told apart"),
        ("auroc", np.nan, np.nan, "not told apart"),
        ("ece", 0.001, 0.007, "worse"),
        ("brier", -0.007, -0.001, "better"),
        ("ece", -0.007, 0.001, "not told apart"),
    ],
)
def test_outcome_of_a_difference(metric, low, high, expected):
    assert outcome(metric, low, high) == expected
