"""Sixteen numbers that describe a transcript, most of them about its coding potential.

A circRNA is mostly made of coding exons, and so has long stretches without a stop codon where
another lncRNA has none. What a model learns beyond that shows only beside these descriptors.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

BASES = "ACGT"  # the position of a base is its code
MINIMUM_LENGTH = 4  # nt, for the end bases
RING_COPIES, RING_CAP = 4, 3

DESCRIPTORS = (
    "log_length",
    *(f"stop_free_linear_{rank}" for rank in (1, 2, 3)),
    *(f"stop_free_ring_{rank}" for rank in (1, 2, 3)),
    "gc",
    *(f"first_{place}" for place in (1, 2, 3, 4)),
    *(f"last_{place}" for place in (1, 2, 3, 4)),
)

_OTHER = len(BASES)
_CODE_OF_BYTE = np.full(256, _OTHER, dtype=np.uint8)
_CODE_OF_BYTE[np.frombuffer(BASES.encode(), dtype=np.uint8)] = np.arange(len(BASES))


def describe(sequences: Sequence[str]) -> pd.DataFrame:
    """Describe each sequence by the 16 `DESCRIPTORS`.

    - `log_length`: natural logarithm of the length in nt;
    - `stop_free_linear_1..3`: longest run of complete codons without TAA, TAG or TGA in each of
      the three frames of the sequence as it is, in nt over the length, largest first: 0 to 1;
    - `stop_free_ring_1..3`: the same with the sequence written four times, each run capped at
      three lengths, over the length of one copy: 0 to 3;
    - `gc`: fraction of G and C;
    - `first_1..4` and `last_1..4`: the bases at both ends in reading order, as codes A 0, C 1,
      G 2, T 3.

    Args:
        sequences: Spliced, sense-strand bases, upper-case ACGT, at least four each.

    Returns:
        One row a sequence, in order, all columns float64.

    Raises:
        ValueError: A sequence is too short or has another character.
    """
    rows = np.empty((len(sequences), len(DESCRIPTORS)))
    for row, sequence in zip(rows, sequences, strict=True):
        codes = _encode(sequence)
        length = len(codes)
        ring = np.minimum(_longest_stop_free(np.tile(codes, RING_COPIES)), RING_CAP * length)
        row[0] = np.log(length)
        row[1:4] = np.sort(_longest_stop_free(codes))[::-1] / length
        row[4:7] = np.sort(ring)[::-1] / length
        row[7] = np.mean((codes == 1) | (codes == 2))
        row[8:12], row[12:16] = codes[:4], codes[-4:]
    return pd.DataFrame(rows, columns=list(DESCRIPTORS))


def longest_stop_free_fraction(sequences: Sequence[str]) -> np.ndarray:
    """Give `stop_free_linear_1` alone, for (n,) sequences; arguments and errors as `describe`."""
    return np.array([_longest_stop_free(_encode(s)).max() / len(s) for s in sequences])


def _encode(sequence: str) -> np.ndarray:
    """Turn bases into their codes, uint8 of shape (length,)."""
    codes = _CODE_OF_BYTE[np.frombuffer(sequence.encode("latin-1", "replace"), dtype=np.uint8)]
    if len(codes) < MINIMUM_LENGTH or codes.max() == _OTHER:
        raise ValueError(f"not a sequence of {MINIMUM_LENGTH} or more ACGT: {sequence[:30]!r}")
    return codes


def _longest_stop_free(codes: np.ndarray) -> np.ndarray:
    """Length in nt of the longest run of complete codons without a stop, for each frame: (3,)."""
    first, second, third = codes[:-2], codes[1:-1], codes[2:]
    a, g, t = (BASES.index(base) for base in "AGT")
    taa_or_tag = (second == a) & ((third == a) | (third == g))
    tga = (second == g) & (third == a)
    stops = np.flatnonzero((first == t) & (taa_or_tag | tga))
    longest = []
    for frame in range(3):
        codons = (len(codes) - frame) // 3
        bounds = np.concatenate(([-1], stops[stops % 3 == frame] // 3, [codons]))
        longest.append(3 * (np.diff(bounds).max() - 1))
    return np.array(longest)
