"""What the logit of a sequence rests on; `circlet.model.attribution` finds it."""

from typing import NamedTuple

import numpy as np


class Attribution(NamedTuple):
    """What a logit rests on; all parts together are `target`, save for the steps' error.

    Attributes:
        kmers: Of each base, by the k-mers that hold it, shape (length,), float64.
        ends: Likewise, by the k-mers at both ends that are read place by place.
        descriptors: Of the 16 descriptors, the 256 words and the 64 codons, shape (336,); 0 where
            the networks do not see them.
        target: The logit of the sequence less that of the baseline.
        is_read: Whether the networks read each base at all, shape (length,), bool.
    """

    kmers: np.ndarray
    ends: np.ndarray
    descriptors: np.ndarray
    target: float
    is_read: np.ndarray

    @property
    def bases(self) -> np.ndarray:
        """Of each base, whichever way it is read, shape (length,)."""
        both: np.ndarray = self.kmers + self.ends
        return both

    @property
    def total(self) -> float:
        """All that is attributed."""
        return float(self.bases.sum() + self.descriptors.sum())
