"""Bootstrap over groups: how far a score could move with another draw of genes or loci."""

import argparse
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.special import expit, logit, stdtrit

from circlet.arguments import seed
from circlet.errors import InputError
from circlet.evaluation.scores import ranking_metrics

BIASED = ("ece",)  # replicates of these lie above the value, which no symmetric interval allows for
SIGNED = ("mcc",)  # from -1 to 1; all others are shares, from 0 to 1
AT_A_BOUND = 1e-12  # of a share from 0 or 1: rounding of a score that is perfect

CELLS_AT_ONCE = 250_000  # of the matrix replicates x rows: 2 MiB as float64, for the caches


def group_weights(groups: np.ndarray, replicates: int, seed: int) -> Iterator[np.ndarray]:
    """Draw whole groups with replacement, as many as there are, and count how often each came.

    Members of a group are relatives, so rows are not independent and a bootstrap of rows would
    be too sure of itself. This is the randomised cluster bootstrap of Field and Welsh (2007,
    J. R. Stat. Soc. B 69:369), where a cluster that is drawn comes whole.

    The draws depend on the seed and the number of groups alone: sets of predictions on one part
    meet the same replicates.

    Args:
        groups: Number of each row's group, (n,), from 0 without gaps.
        replicates: How many draws.
        seed: Seed of the draws.

    Yields:
        The weight of each row, float64 of shape (some of the replicates, n).
    """
    rng = np.random.default_rng(seed)
    total = int(groups.max()) + 1
    chunk = max(1, CELLS_AT_ONCE // len(groups))
    for start in range(0, replicates, chunk):
        count = min(chunk, replicates - start)
        drawn = rng.integers(total, size=(count, total))
        drawn += total * np.arange(count)[:, None]
        times = np.bincount(drawn.ravel(), minlength=count * total).reshape(count, total)
        yield times[:, groups].astype(float)


def two_class_weights(
    truth: np.ndarray, groups: np.ndarray, replicates: int, seed: int
) -> Iterator[np.ndarray]:
    """Draw as `group_weights` and leave out the replicates that lack a class.

    They define no sensitivity, specificity or AUROC.

    Args:
        truth: The class of each row, bool (n,).
        groups: See `group_weights`, as the others.
        replicates: How many draws, before any is left out.
        seed: Seed of the draws.

    Yields:
        The weight of each row, float64 of shape (some of the replicates or none, n).
    """
    for weights in group_weights(groups, replicates, seed):
        yield weights[weights[:, truth].any(axis=1) & weights[:, ~truth].any(axis=1)]


def percentile_interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Interval that leaves out equal tails of the replicates' values.

    The percentile interval of Efron and Tibshirani (1993, An Introduction to the Bootstrap).

    Args:
        values: One value a replicate.
        confidence: Share of the values inside, between 0 and 1.

    Returns:
        The limits, NaN if there are no values.
    """
    if not len(values):
        return np.nan, np.nan
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def rarer_class_groups(truth: np.ndarray, groups: np.ndarray) -> int:
    """Count the groups that hold the class that fewer groups hold.

    Each class has a draw of groups of its own, and the scarcer one limits what is known.

    Args:
        truth: The class of each row, bool (n,).
        groups: The group of each row, (n,).
    """
    return min(len(np.unique(groups[truth])), len(np.unique(groups[~truth])))


def t_quantile(n_groups: int, confidence: float) -> float:
    """Quantile of Student's t that bounds `confidence`, of one degree less than there are groups.

    A standard error from few groups is itself uncertain (Cameron and Miller 2015, J. Hum. Resour.
    50:317); of two samples the smaller one's degrees are the cautious choice.
    """
    return float(stdtrit(n_groups - 1, (1 + confidence) / 2))


def score_interval(
    metric: str, value: float, drawn: np.ndarray, n_groups: int, confidence: float
) -> tuple[float, float]:
    """Interval of a score by the standard error that its replicates tell.

    Symmetric on the logit scale, where a share near 1 is about normal, with Student's t and the
    standard error carried over by the delta method. For the AUROC this is what Pepe (2003, The
    Statistical Evaluation of Medical Tests, 5.2) advises. Near 1 it covers far better than the
    percentiles of the replicates: benchmarks/coverage.py measures both. That of the calibration
    error, whose replicates are biased, is the percentile interval.

    A perfect score varies in no replicate. Its other limit is that of Clopper and Pearson (1934,
    Biometrika 26:404) for as many trials as `n_groups`, all won: one row or pair a group, and
    those are independent.

    Args:
        metric: Of `scores.METRICS`.
        value: The score of the rows as they are.
        drawn: One value a replicate.
        n_groups: Groups that hold the rarer class, see `rarer_class_groups`.
        confidence: Of the interval, between 0 and 1.

    Returns:
        The limits; NaN if there are fewer than two groups or replicates.
    """
    if n_groups < 2 or len(drawn) < 2:
        return np.nan, np.nan
    if metric in BIASED:
        return percentile_interval(drawn, confidence)
    lowest, span = (-1, 2) if metric in SIGNED else (0, 1)
    low, high = _share_interval(
        (value - lowest) / span, float(np.std(drawn, ddof=1)) / span, n_groups, confidence
    )
    return lowest + span * low, lowest + span * high


def _share_interval(
    share: float, error: float, n_groups: int, confidence: float
) -> tuple[float, float]:
    """Interval of a number between 0 and 1 with this standard error; see `score_interval`."""
    all_won = ((1 - confidence) / 2) ** (1 / n_groups)
    if share > 1 - AT_A_BOUND:
        return all_won, 1.0
    if share < AT_A_BOUND:
        return 0.0, 1 - all_won
    if error == 0:  # a score that does not depend on the draw, such as a constant's AUROC
        return share, share
    reach = t_quantile(n_groups, confidence) * error / (share * (1 - share))
    return float(expit(logit(share) - reach)), float(expit(logit(share) + reach))


def difference_interval(
    difference: float, error: float, n_groups: int, confidence: float
) -> tuple[float, float]:
    """Interval of a difference of two scores, symmetric, by Student's t.

    Args:
        difference: Of the scores of the rows as they are.
        error: Its standard error.
        n_groups: Groups that hold the rarer class, see `rarer_class_groups`.
        confidence: Of the interval, between 0 and 1.

    Returns:
        The limits; NaN if there are fewer than two groups, or no standard error.
    """
    if n_groups < 2:
        return np.nan, np.nan
    reach = t_quantile(n_groups, confidence) * error
    return difference - reach, difference + reach


def auroc_interval(
    is_circrna: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    replicates: int,
    confidence: float,
    seed: int,
) -> tuple[float, float, float]:
    """AUROC of a score, with an interval from a bootstrap over groups, see `score_interval`.

    Args:
        is_circrna: The class, bool (n,); both occur.
        scores: Higher for circRNAs, (n,).
        groups: Names of the groups, (n,).
        replicates: Bootstrap replicates; those that lack a class are left out.
        confidence: Of the interval, between 0 and 1.
        seed: Seed of the bootstrap.

    Returns:
        The area and its limits, which are NaN if fewer than two replicates had both classes, or
        a class has a single group.
    """
    # Numbered in sorted order, so that the order of the rows does not matter.
    numbers, _ = pd.factorize(groups, sort=True)
    drawn = np.concatenate(
        [
            ranking_metrics(is_circrna, scores, weights)["auroc"]
            for weights in two_class_weights(is_circrna, numbers, replicates, seed)
        ]
    )
    auroc = float(ranking_metrics(is_circrna, scores, np.ones((1, len(scores))))["auroc"][0])
    n_groups = rarer_class_groups(is_circrna, numbers)
    return auroc, *score_interval("auroc", auroc, drawn, n_groups, confidence)


def add_bootstrap_arguments(parser: argparse.ArgumentParser, seeded: str = "bootstrap") -> None:
    """Add how intervals are made, and the seed of what is named; see `check_options`."""
    add = parser.add_argument
    add("--replicates", type=int, default=1000, help="bootstrap replicates")
    add("--confidence", type=float, default=0.95, help="of the intervals, 0 to 1")
    add("--seed", type=seed, default=0, help=f"seed of {seeded}")


def check_options(replicates: int, confidence: float) -> None:
    """Refuse options of the command line that define no interval.

    Raises:
        InputError: There are no replicates, or the confidence is not between 0 and 1.
    """
    if replicates < 1:
        raise InputError("--replicates", f"{replicates} is too few", "give 1 or more")
    if not 0 < confidence < 1:
        raise InputError("--confidence", f"{confidence} is not between 0 and 1", "give 0.95, say")
