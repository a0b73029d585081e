"""Whether a difference between two scores of the same rows could be chance."""

import numpy as np
from scipy.special import stdtr

from circlet.evaluation.scores import OPEN, outcome


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjust p-values for being many, so that at most `alpha` of families hold a false finding.

    Holm's step-down procedure (1979, Scand. J. Stat. 6:65): the smallest p-value is multiplied by
    their number, the next by one less, and so on; none becomes smaller than one before it.

    Args:
        p_values: Of one family, (n,); those that are NaN were no tests and stay NaN.

    Returns:
        Adjusted p-values, (n,), at most 1.
    """
    adjusted = np.asarray(p_values, dtype=float).copy()
    tested = np.flatnonzero(~np.isnan(adjusted))
    order = tested[np.argsort(adjusted[tested], kind="stable")]
    raised = adjusted[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(raised), 1)
    return adjusted


def placements(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Share of the other class that each row is on the right side of, a tie counting one half.

    The placement values of DeLong et al. (1988, Biometrics 44:837): the mean over the rows of
    either class is the AUROC. By ranks, in O(n log n).

    Args:
        truth: Whether a row is a circRNA, bool (n,).
        scores: Higher for circRNAs, (n,).
    """
    found = np.empty(len(scores))
    for own in (True, False):
        others = np.sort(scores[truth != own])
        below = np.searchsorted(others, scores[truth == own], side="left")
        upto = np.searchsorted(others, scores[truth == own], side="right")
        share = (below + upto) / (2 * len(others))
        found[truth == own] = share if own else 1 - share
    return found


def clustered_delong(
    truth: np.ndarray, scores: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """AUROCs of several scores of the same rows, and their covariance where rows are in groups.

    Obuchowski (1997, Biometrics 53:567): the sums of the placements' deviations over each group
    stand for what DeLong's method takes from single rows. Where each row is its own group, it is
    DeLong's.

    Args:
        truth: Whether a row is a circRNA, bool (n,).
        scores: One row a score, higher for circRNAs, (scores, n).
        groups: Number of each row's group, (n,), from 0 without gaps.

    Returns:
        The areas, (scores,), and their covariance, (scores, scores), which is NaN where a class
        has a single group.
    """
    total = int(groups.max()) + 1
    areas = np.empty(len(scores))
    sums: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for place, row in enumerate(scores):
        values = placements(truth, row)
        areas[place] = values[truth].mean()
        for own, found in sums.items():
            members = truth == own
            deviations = values[members] - areas[place]
            found.append(np.bincount(groups[members], deviations, total) / members.sum())
    covariance = np.zeros((len(scores), len(scores)))
    for own, found in sums.items():
        count = len(np.unique(groups[truth == own]))
        if count < 2:
            return areas, np.full_like(covariance, np.nan)
        covariance += np.array(found) @ np.array(found).T * count / (count - 1)
    both = np.array(sums[True]) @ np.array(sums[False]).T * total / (total - 1)
    return areas, covariance + both + both.T


def area_difference(
    truth: np.ndarray, scores: np.ndarray, rival_scores: np.ndarray, groups: np.ndarray
) -> tuple[float, float]:
    """Difference of two AUROCs and its standard error by `clustered_delong`; arguments alike."""
    areas, covariance = clustered_delong(truth, np.array([scores, rival_scores]), groups)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return float(areas[0] - areas[1]), float(np.sqrt(np.maximum(variance, 0)))


def difference_p_value(difference: float, error: float, n_groups: int) -> float:
    """Two-sided p-value of no difference, by Student's t, as `difference_interval` has it.

    Args:
        difference: Of the scores of the rows as they are.
        error: Its standard error.
        n_groups: Groups that hold the rarer class, see `rarer_class_groups`.

    Returns:
        The p-value: 1 where the two never differ; NaN where there are fewer than two groups, no
        standard error, or a difference without any spread, from which chance cannot be told.
    """
    if n_groups < 2 or np.isnan(error):
        return np.nan
    if error == 0:
        return 1.0 if difference == 0 else np.nan
    return float(2 * stdtr(n_groups - 1, -abs(difference) / error))


def decide(metric: str, difference: float, p_value: float, confidence: float) -> str:
    """Say which of `scores.OUTCOMES` a difference is: told apart only where chance is unlikely.

    Args:
        metric: Of `scores.METRICS`.
        difference: The run's score less the rival's.
        p_value: Adjusted for being one of many, NaN if there is none.
        confidence: 1 less the p-value that is small enough.
    """
    if not p_value < 1 - confidence:
        return OPEN
    return outcome(metric, difference, difference)
