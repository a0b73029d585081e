"""From which probability on a sequence is called circRNA: runs and baselines choose alike."""

import numpy as np

NEAR_BEST = 0.01  # thresholds whose MCC is closer to the best are as good as it


def choose_threshold(probabilities: np.ndarray, classes: np.ndarray) -> float:
    """Choose the threshold of the call, for the Matthews correlation (MCC).

    The curve of the MCC over the threshold is jagged, and its peak is mostly noise. So all
    thresholds within `NEAR_BEST` of the peak are taken for equal, and the middle between the lowest
    and the highest of them is chosen; should it lie in a valley, the one nearest to it.

    Args:
        probabilities: Of a circRNA, shape (n,).
        classes: 0 or 1, shape (n,); both occur.

    Returns:
        A probability at or above which the call is circRNA. It lies between the probabilities
        given, not on one, so that rounding does not change a call.
    """
    distinct, place = np.unique(probabilities, return_inverse=True)
    positives = np.bincount(place, weights=classes)
    negatives = np.bincount(place, weights=1 - classes)
    # The thresholds between two neighbours, and beyond the first and the last, give one MCC.
    low, high = np.append(0, distinct), np.append(distinct, 1)
    fn = np.append(0, np.cumsum(positives))  # what lies below the threshold
    tn = np.append(0, np.cumsum(negatives))
    tp, fp = fn[-1] - fn, tn[-1] - tn
    spread = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    mcc = np.divide(tp * tn - fp * fn, spread, out=np.zeros_like(spread), where=spread > 0)
    near = mcc >= mcc.max() - NEAR_BEST
    low, high = low[near], high[near]
    middle = (low[0] + high[-1]) / 2
    candidates = np.where((low < middle) & (middle < high), middle, (low + high) / 2)
    return float(candidates[np.abs(candidates - middle).argmin()])
