"""Subsets of a part on which the simplest descriptors no longer tell the classes apart."""

import numpy as np
import pandas as pd

from circlet.evaluation.matching import matched_pairs
from circlet.tables import LOW_STOP_FREE, MATCHED, POSITIVE

STOP_FREE_LIMIT = 0.5

# What the differences of a matched pair stay under, in standard deviations within the classes.
# Length tells the classes apart least and so may differ most. On 4,099 circRNAs and 10,787
# lncRNAs of circRNADb and GENCODE these make 432 pairs and leave each feature an AUROC of
# about .51 (of .65, .98 and .98); wider ones make a few pairs more and separate the classes again.
CALIPERS = {"log_length": 0.4, "stop_free_linear_1": 0.15, "stop_free_ring_1": 0.15}


def choose_subsets(
    rows: pd.DataFrame, descriptors: pd.DataFrame, seed: int
) -> dict[str, np.ndarray]:
    """Choose the rows of each subset of one part.

    - `matched`: pairs of a circRNA and a lncRNA that differ by less than `CALIPERS` in log length
      and longest stop-free fraction, linear and ring;
    - `low_stop_free`: rows whose longest stop-free fraction, linear, is below `STOP_FREE_LIMIT`.

    Args:
        rows: Transcripts of the part with `id` and `label`.
        descriptors: Of the same rows, those of `CALIPERS` at least.
        seed: Seed of the matching.

    Returns:
        Subset: its row numbers, ascending.
    """
    pairs = matched_pairs(
        rows["id"].to_numpy(object),
        descriptors[list(CALIPERS)].to_numpy(),
        (rows["label"] == POSITIVE).to_numpy(bool),
        np.array(list(CALIPERS.values())),
        seed,
    )
    is_low = (descriptors["stop_free_linear_1"] < STOP_FREE_LIMIT).to_numpy(bool)
    return {MATCHED: np.sort(pairs.ravel()), LOW_STOP_FREE: np.flatnonzero(is_low)}
