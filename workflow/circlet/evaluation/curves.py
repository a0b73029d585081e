"""Points of the curves of one set of predictions."""

from statistics import NormalDist

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve

from circlet.evaluation.scores import equal_mass_bins
from circlet.tables import NEGATIVE, POSITIVE

MOST_POINTS = 2000  # of a curve; keeps its drawing small
MOST_BINS, LEAST_IN_BIN = 10, 5  # of the calibration
SCORE_BINS = 20
CONFIDENCE = 0.95  # of the calibration's intervals


def thin(points: pd.DataFrame) -> pd.DataFrame:
    """Keep at most `MOST_POINTS` rows at even steps, the first and the last among them."""
    kept = np.unique(np.linspace(0, len(points) - 1, MOST_POINTS).round().astype(int))
    return points.iloc[kept].reset_index(drop=True)


def roc_points(truth: np.ndarray, p_circrna: np.ndarray) -> pd.DataFrame:
    """Points of the ROC curve, collinear ones dropped.

    Args:
        truth: Whether a row is a circRNA, bool (n,).
        p_circrna: Probability to be one, (n,).
    """
    false_rate, true_rate, thresholds = roc_curve(truth, p_circrna)
    columns = {
        "threshold": thresholds,
        "false_positive_rate": false_rate,
        "true_positive_rate": true_rate,
    }
    return thin(pd.DataFrame(columns))


def precision_recall_points(truth: np.ndarray, p_circrna: np.ndarray) -> pd.DataFrame:
    """Points of the precision-recall curve, from full recall down; arguments as `roc_points`.

    The points stand for steps: a precision holds from its recall down to the next one, so that the
    area is the average precision. The last point carries the last step on to recall 0.
    """
    precision, recall, thresholds = precision_recall_curve(truth, p_circrna, drop_intermediate=True)
    # scikit-learn's own last point is no measurement, and at recall 0 nothing is found yet.
    steps = recall[:-1] > 0
    points = pd.DataFrame(
        {
            "threshold": thresholds[steps],
            "recall": recall[:-1][steps],
            "precision": precision[:-1][steps],
        }
    )
    points = thin(points)
    end = points.tail(1).assign(recall=0.0)
    return pd.concat([points, end], ignore_index=True)


def wilson_interval(
    successes: np.ndarray, trials: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Score interval of a binomial proportion (Wilson 1927, J. Am. Stat. Assoc. 22:209)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, scale = successes / trials, 1 + z**2 / trials
    centre = (share + z**2 / (2 * trials)) / scale
    half = z / scale * np.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    # Rounding must not push a limit past 0, 1 or the share itself.
    return np.clip(centre - half, 0, share), np.clip(centre + half, share, 1)


def calibration_points(truth: np.ndarray, p_circrna: np.ndarray) -> pd.DataFrame:
    """Share of circRNAs in bins of equal count; arguments as `roc_points`.

    Ties can make the bins fewer, see `equal_mass_bins`. Small samples get fewer bins.
    """
    bins = min(MOST_BINS, max(1, len(truth) // LEAST_IN_BIN))
    rows = pd.DataFrame({"p_circrna": p_circrna, "truth": truth})
    points = rows.groupby(equal_mass_bins(p_circrna, bins)).agg(
        mean_p_circrna=("p_circrna", "mean"),
        circrna=("truth", "sum"),
        transcripts=("truth", "size"),
    )
    points["fraction_circrna"] = points["circrna"] / points["transcripts"]
    points["low"], points["high"] = wilson_interval(
        points["circrna"].to_numpy(), points["transcripts"].to_numpy(), CONFIDENCE
    )
    return points.reset_index(drop=True)


def score_counts(truth: np.ndarray, p_circrna: np.ndarray) -> pd.DataFrame:
    """Transcripts of each class in bins of `p_circrna`; arguments as `roc_points`."""
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            POSITIVE: np.histogram(p_circrna[truth], edges)[0],
            NEGATIVE: np.histogram(p_circrna[~truth], edges)[0],
        }
    )
