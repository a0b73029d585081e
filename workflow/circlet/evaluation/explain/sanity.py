"""Whether an explanation is of what was learnt: the check of Adebayo et al. (arXiv:1810.03292).

Attributions that stay the same when the weights are shuffled are of the sequence and the network's
shape alone, and explain nothing.
"""

import logging

import numpy as np
import pandas as pd

SANITY_COLUMNS = ("rank", "id", "rho", "rho_absolute")
LIMIT = 0.5  # mean correlation beyond which pictures are not to be trusted

log = logging.getLogger(__name__)


def correlate(trained: np.ndarray, shuffled: np.ndarray) -> dict[str, float]:
    """Compare what the bases of one transcript are worth to trained and to shuffled networks.

    Returns:
        Spearman's correlation of the values, `rho`, and of their sizes, `rho_absolute`; 0 where
        either side is constant.
    """
    pairs = {"rho": (trained, shuffled), "rho_absolute": (np.abs(trained), np.abs(shuffled))}
    return {
        name: 0.0
        if np.ptp(one) == 0 or np.ptp(other) == 0
        else float(np.corrcoef(pd.Series(one).rank(), pd.Series(other).rank())[0, 1])
        for name, (one, other) in pairs.items()
    }


def judge(table: pd.DataFrame) -> bool:
    """Say in the log whether the shuffled networks explain the calls otherwise.

    Args:
        table: With `rho` and `rho_absolute`, one row a transcript.

    Returns:
        Whether they do.
    """
    signed, sizes = table["rho"].abs().mean(), table["rho_absolute"].abs().mean()
    told = f"mean |rho| with shuffled weights is {signed:.2f}, of the sizes alone {sizes:.2f}"
    is_passed: bool = max(signed, sizes) <= LIMIT
    if is_passed:
        log.info("sanity check passed: %s; the attributions are of what was learnt", told)
    else:
        log.warning(
            "sanity check failed: %s, above %g; attributions that hardly depend on the weights "
            "explain little",
            told,
            LIMIT,
        )
    return is_passed
