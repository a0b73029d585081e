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
    "specificity_at_95_sensitivity",
    "brier",
    "ece",
)
SENSITIVITY = 0.95  # at which the specificity is told
LOWER_IS_BETTER = ("brier", "ece")
CALIBRATION_BINS = 15
OUTCOMES = BETTER, WORSE, OPEN = ("better", "worse", "not told apart")  # of a comparison


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
    (Davis and Goadrich 2006, ICML). `specificity_at_95_sensitivity` is that of calling all from
    the highest probability on that finds `SENSITIVITY` of the circRNAs, whatever threshold the
    calls begin at.

    Args:
        truth: Whether a row is a circRNA, bool (n,).
        p_circrna: Probability to be one, (n,).
        weights: Weights of the rows, (replicates, n).

    Returns:
        `auroc`, `auprc` and `specificity_at_95_sensitivity`, each (replicates,).
    """
    order = np.argsort(-p_circrna, kind="stable")
    tie_ends = np.append(np.flatnonzero(np.diff(p_circrna[order])), len(order) - 1)
    sorted_weights, sorted_truth = weights[:, order], truth[order]
    tp = np.cumsum(sorted_weights * sorted_truth, axis=1)[:, tie_ends]
    fp = np.cumsum(sorted_weights * ~sorted_truth, axis=1)[:, tie_ends]
    tp_won, fp_won = np.diff(tp, axis=1, prepend=0), np.diff(fp, axis=1, prepend=0)
    positives, negatives = tp[:, -1], fp[:, -1]
    # Weights are counts, so a share that is asked for exactly is missed by rounding alone.
    enough = (tp >= SENSITIVITY * positives[:, None] - 1e-9).argmax(axis=1)
    return {
        "auroc": np.sum(fp_won * (tp - tp_won / 2), axis=1) / (positives * negatives),
        "auprc": np.sum(tp_won * _ratio_or_zero(tp, tp + fp), axis=1) / positives,
        "specificity_at_95_sensitivity": 1 - fp[np.arange(len(fp)), enough] / negatives,
    }


def _ratio_or_zero(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient, 0 where the denominator is 0."""
    quotient: np.ndarray = np.zeros_like(denominator)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0)
    return quotient


def brier(truth: np.ndarray, p_circrna: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean squared error of the probabilities (Brier 1950, Mon. Weather Rev. 78:1)."""
    errors: np.ndarray = weights @ (p_circrna - truth) ** 2 / weights.sum(axis=1)
    return errors


def equal_mass_bins(values: np.ndarray, bins: int) -> np.ndarray:
    """Number of each value's bin, (n,), where the bins hold equal counts, ascending.

    Equal values never part, so that ties can make counts unequal and leave bins empty.

    Args:
        values: What to divide, (n,), at least one.
        bins: Most bins.
    """
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, values, side="left")


def ece(truth: np.ndarray, p_circrna: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Expected calibration error: how far probabilities are from the shares of circRNAs.

    The mean over bins of `p_circrna`, weighted by what they hold, of the absolute difference
    between the mean probability and the share of circRNAs (Naeini et al. 2015, AAAI:2901). The
    `CALIBRATION_BINS` bins hold equal counts of the rows as they are, see `equal_mass_bins`; a
    replicate weighs the rows in the same bins.

    The estimate is biased upwards, since the chance error of a bin counts whatever its sign: n
    perfectly calibrated rows give about sqrt(2 bins / (pi n)) times the mean of sqrt(p (1 - p)),
    .003 to .01 for some thousand confident ones, and more if the bins were of equal width (Roelofs
    et al. 2022, AISTATS:4036). Replicates add chance error of their own, so that an interval lies
    high and may leave out the value. Errors of both signs within a bin are not seen.
    """
    bins = equal_mass_bins(p_circrna, CALIBRATION_BINS)
    excess = np.zeros((len(bins), bins.max() + 1))
    excess[np.arange(len(bins)), bins] = truth - p_circrna
    errors: np.ndarray = np.abs(weights @ excess).sum(axis=1) / weights.sum(axis=1)
    return errors


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
        "ece": ece(truth, p_circrna, weights),
    }


def outcome(metric: str, low: float, high: float) -> str:
    """Say which of `OUTCOMES` a difference from a rival is, by its interval.

    Args:
        metric: Of `METRICS`; of those in `LOWER_IS_BETTER`, less is better.
        low: Lower limit of the interval, NaN if there is none.
        high: Upper limit.
    """
    if metric in LOWER_IS_BETTER:
        low, high = -high, -low
    return BETTER if low > 0 else WORSE if high < 0 else OPEN
