"""The formulas of the metrics, for many sets of row weights at a time.

A bootstrap replicate is a set of integer weights: the rows are sorted once for all of them.
"""

import numpy as np

METRICS = (
    "accuracy",
    "balanced_accuracy",
    "sensitivity",
    "specificity",
    "f1",
    "mcc",
    "auroc",
    "auprc",
    "brier",
)


def confusion(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Weight of the true and false positives and negatives, circRNA being positive.

    Args:
        truth: Whether a row is a circRNA, bool (n,).
        called: Whether it is called one, bool (n,).
        weights: Weights of the rows, (replicates, n).

    Returns:
        `tp`, `fp`, `tn`, `fn`, each (replicates,).
    """
    cells = {
        "tp": truth & called,
        "fp": ~truth & called,
        "tn": ~truth & ~called,
        "fn": truth & ~called,
    }
    return {name: weights @ cell.astype(float) for name, cell in cells.items()}


def threshold_metrics(
    truth: np.ndarray, called: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Metrics of the calls; arguments and shapes as `confusion`.

    The Matthews correlation (Matthews 1975, Biochim. Biophys. Acta 405:442) is 0 where all calls
    are one label, as in scikit-learn.
    """
    tp, fp, tn, fn = confusion(truth, called, weights).values()
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    spread = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return {
        "accuracy": (tp + tn) / (tp + fp + tn + fn),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "f1": 2 * tp / (2 * tp + fp + fn),
        "mcc": _ratio_or_zero(tp * tn - fp * fn, spread),
    }


def ranking_metrics(
    truth: np.ndarray, p_circrna: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Metrics of the order that the probabilities put the rows in.

    `auroc` is the trapezoidal area, in which a tie of a circRNA with a lncRNA counts one half
    (Hanley and McNeil 1982, Radiology 143:29). `auprc` is the average precision: the precision
    at each distinct probability, weighted by the recall won there, without interpolation
    (Davis and Goadrich 2006, ICML).

    Args:
        truth: Whether a row is a circRNA, bool (n,).
        p_circrna: Probability to be one, (n,).
        weights: Weights of the rows, (replicates, n).

    Returns:
        `auroc` and `auprc`, each (replicates,).
    """
    order = np.argsort(-p_circrna, kind="stable")
    tie_ends = np.append(np.flatnonzero(np.diff(p_circrna[order])), len(order) - 1)
    sorted_weights, sorted_truth = weights[:, order], truth[order]
    tp = np.cumsum(sorted_weights * sorted_truth, axis=1)[:, tie_ends]
    fp = np.cumsum(sorted_weights * ~sorted_truth, axis=1)[:, tie_ends]
    tp_won, fp_won = np.diff(tp, axis=1, prepend=0), np.diff(fp, axis=1, prepend=0)
    positives, negatives = tp[:, -1], fp[:, -1]
    return {
        "auroc": np.sum(fp_won * (tp - tp_won / 2), axis=1) / (positives * negatives),
        "auprc": np.sum(tp_won * _ratio_or_zero(tp, tp + fp), axis=1) / positives,
    }


def _ratio_or_zero(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient, 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator != 0)


def brier(truth: np.ndarray, p_circrna: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean squared error of the probabilities (Brier 1950, Mon. Weather Rev. 78:1)."""
    return weights @ (p_circrna - truth) ** 2 / weights.sum(axis=1)


def weighted_metrics(
    truth: np.ndarray, called: np.ndarray, p_circrna: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """All `METRICS`, in their order, each (replicates,).

    Args:
        truth: Whether a row is a circRNA, bool (n,).
        called: Whether it is called one, bool (n,).
        p_circrna: Probability to be one, (n,).
        weights: Weights of the rows, (replicates, n); both classes have some in each replicate.
    """
    return {
        **threshold_metrics(truth, called, weights),
        **ranking_metrics(truth, p_circrna, weights),
        "brier": brier(truth, p_circrna, weights),
    }
