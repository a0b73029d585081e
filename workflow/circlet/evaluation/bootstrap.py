"""Bootstrap over groups: how far a score could move with another draw of genes or loci."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from circlet.errors import InputError
from circlet.evaluation.scores import ranking_metrics

CELLS_AT_ONCE = 1_000_000  # of the matrix replicates x rows: 8 MiB as float64


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


def auroc_interval(
    is_circrna: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    replicates: int,
    confidence: float,
    seed: int,
) -> tuple[float, float, float]:
    """AUROC of a score, with a percentile interval from a bootstrap over groups.

    Args:
        is_circrna: The class, bool (n,); both occur.
        scores: Higher for circRNAs, (n,).
        groups: Names of the groups, (n,).
        replicates: Bootstrap replicates; those that lack a class are left out.
        confidence: Of the interval, between 0 and 1.
        seed: Seed of the bootstrap.

    Returns:
        The area and its limits, which are NaN if no replicate had both classes.
    """
    # Numbered in sorted order, so that the order of the rows does not matter.
    numbers, _ = pd.factorize(groups, sort=True)
    drawn = np.concatenate(
        [
            ranking_metrics(is_circrna, scores, weights)["auroc"]
            for weights in two_class_weights(is_circrna, numbers, replicates, seed)
        ]
    )
    auroc = ranking_metrics(is_circrna, scores, np.ones((1, len(scores))))["auroc"][0]
    return float(auroc), *percentile_interval(drawn, confidence)


def check_options(replicates: int, confidence: float) -> None:
    """Refuse options of the command line that define no interval.

    Raises:
        InputError: There are no replicates, or the confidence is not between 0 and 1.
    """
    if replicates < 1:
        raise InputError("--replicates", f"{replicates} is too few", "give 1 or more")
    if not 0 < confidence < 1:
        raise InputError("--confidence", f"{confidence} is not between 0 and 1", "give 0.95, say")
