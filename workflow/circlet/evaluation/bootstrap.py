"""Bootstrap over groups: how far a score could move with another draw of genes or loci."""

from collections.abc import Iterator

import numpy as np

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


def percentile_interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Interval that leaves out equal tails of the replicates' values.

    The percentile interval of Efron and Tibshirani (1993, An Introduction to the Bootstrap).

    Args:
        values: One value a replicate, at least one.
        confidence: Share of the values inside, between 0 and 1.
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
