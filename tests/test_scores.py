import numpy as np
import pytest
from sklearn import metrics as sk

from circlet.evaluation.scores import METRICS, weighted_metrics


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
        "brier": sk.brier_score_loss(truth, p, **keywords),
    }


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
    for name in METRICS:
        assert found[name].shape == (1,)
        assert found[name][0] == pytest.approx(expected[name], abs=1e-12, rel=0)


@pytest.mark.parametrize("decimals", [1, 12])
def test_weighted_values_are_those_of_scikit_learn(decimals):
    truth, called, p = _example(decimals)
    weights = np.random.default_rng(5).poisson(1.0, size=(6, len(p))).astype(float)
    found = weighted_metrics(truth, called, p, weights)
    for i, weight in enumerate(weights):
        expected = _sklearn(truth, called, p, weight)
        for name in METRICS:
            assert found[name][i] == pytest.approx(expected[name], abs=1e-12, rel=0)


def test_perfect_predictions():
    truth = np.array([True, True, False])
    found = weighted_metrics(truth, truth, truth.astype(float), np.ones((1, 3)))
    assert {name: value[0] for name, value in found.items()} == {
        **dict.fromkeys(METRICS, 1.0),
        "brier": 0.0,
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
        "brier": 0.25,
    }


def test_calls_and_probabilities_are_scored_apart():
    truth = np.array([True, False])
    found = weighted_metrics(truth, ~truth, np.array([0.9, 0.1]), np.ones((1, 2)))
    assert (found["accuracy"][0], found["mcc"][0], found["auroc"][0]) == (0, -1, 1)
