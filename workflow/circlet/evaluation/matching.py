"""Pairs of a circRNA and a lncRNA that are alike in what should no longer tell them apart."""

from math import isqrt

import numpy as np
from scipy.spatial import KDTree

_ALONE = -1


def matched_pairs(
    ids: np.ndarray, features: np.ndarray, is_circrna: np.ndarray, calipers: np.ndarray, seed: int
) -> np.ndarray:
    """Match circRNAs and lncRNAs one to one, each at most once.

    Nearest-neighbour matching without replacement within a caliper (Rosenbaum and Rubin 1985,
    Am. Stat. 39:33; Stuart 2010, Stat. Sci. 25:1): the rows of the smaller class choose in random
    order, each the nearest row of the other class that is still free. Rows of a pair differ by
    less than the caliper in every feature, and the nearest row is the one whose largest
    difference, in calipers, is smallest. A row without a partner stays out.

    Args:
        ids: Identifiers, unique, (n,). The result does not depend on the order of the rows.
        features: What to match by, (n, features), none missing.
        is_circrna: The class, bool (n,).
        calipers: What the difference of a pair must stay under, in standard deviations of a
            feature within the classes, (features,).
        seed: Seed of the order.

    Returns:
        Row numbers of a circRNA and its lncRNA, (pairs, 2), in the order of the circRNAs' ids.
    """
    by_id = np.argsort(ids)
    truth = is_circrna[by_id]
    few, many = sorted((np.flatnonzero(truth), np.flatnonzero(~truth)), key=len)
    if not len(few):
        return np.empty((0, 2), dtype=int)
    points = standardise(features[by_id], truth) / calipers
    few = np.random.default_rng(seed).permutation(few)
    partners = _nearest_free(points[few], points[many])
    is_paired = partners != _ALONE
    pairs = np.column_stack([few[is_paired], many[partners[is_paired]]])
    pairs = np.where(truth[pairs[:, :1]], pairs, pairs[:, ::-1])
    in_order: np.ndarray = by_id[pairs[np.argsort(pairs[:, 0])]]
    return in_order


def standardise(features: np.ndarray, is_circrna: np.ndarray) -> np.ndarray:
    """Divide features by their standard deviation within the classes.

    The variance is the mean of the two classes' (Rosenbaum and Rubin 1985), so that a feature
    that separates them well is not shrunk by it. A constant feature is left as it is.

    Args:
        features: (n, features).
        is_circrna: The class, bool (n,); both occur.
    """
    variances = [features[rows].var(axis=0) for rows in (is_circrna, ~is_circrna)]
    spread = np.sqrt(np.mean(variances, axis=0))
    return features / np.where(spread > 0, spread, 1)


def _nearest_free(points: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Let each point in turn take the nearest candidate that no earlier point took.

    Args:
        points: (points, features), in calipers and in the order of choice.
        candidates: (candidates, features), in calipers.

    Returns:
        Number of each point's candidate, `_ALONE` where none was in reach, (points,).
    """
    partners = np.full(len(points), _ALONE)
    free = np.arange(len(candidates))
    # Points ask in blocks, each for as many neighbours as the block has points: the others can
    # have taken all but one. Blocks of the root of n keep both the trees and the answers small.
    size = max(1, isqrt(len(points)))
    for start in range(0, len(points), size):
        if not len(free):
            break
        asking = points[start : start + size]
        _, nearest = KDTree(candidates[free]).query(
            asking, k=range(1, len(asking) + 1), p=np.inf, distance_upper_bound=1
        )
        is_taken = np.append(np.zeros(len(free), dtype=bool), True)  # the last means: out of reach
        for point, choices in enumerate(nearest, start):
            still_free = choices[~is_taken[choices]]
            if len(still_free):
                partners[point] = free[still_free[0]]
                is_taken[still_free[0]] = True
        free = free[~is_taken[:-1]]
    return partners
