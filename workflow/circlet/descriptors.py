"""Sixteen numbers that describe a transcript, most of them about its coding potential.

A circRNA is mostly made of coding exons, and so has long stretches without a stop codon where
another lncRNA has none. What a model learns beyond that shows only beside these descriptors.
"""

import itertools
import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

BASES = "ACGT"  # the position of a base is its code
OTHER = len(BASES)  # code of any other letter, and of an end that a short sequence lacks
MINIMUM_LENGTH = END_BASES = 4  # nt
RING_COPIES, RING_CAP = 4, 3

DESCRIPTORS = (
    "log_length",
    *(f"stop_free_linear_{rank}" for rank in (1, 2, 3)),
    *(f"stop_free_ring_{rank}" for rank in (1, 2, 3)),
    "gc",
    *(f"first_{place}" for place in (1, 2, 3, 4)),
    *(f"last_{place}" for place in (1, 2, 3, 4)),
)

_AT_ONCE = 1 << 18  # nt; bounds the memory, and keeps it in the processor's cache
_PLAIN = re.compile(f"[{BASES}]{{{MINIMUM_LENGTH},}}")
CODE_OF_BYTE = bytearray([OTHER] * 256)
for _code, _letters in enumerate(("Aa", "Cc", "Gg", "TtUu")):
    for _letter in _letters:
        CODE_OF_BYTE[ord(_letter)] = _code
_RADIX = OTHER + 1  # of the number of a codon
_STOPS = [
    sum(BASES.index(base) * _RADIX**power for power, base in enumerate(reversed(codon)))
    for codon in ("TAA", "TAG", "TGA")
]


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
    for sequence in sequences:
        if not _PLAIN.fullmatch(sequence):
            raise ValueError(f"not a sequence of {MINIMUM_LENGTH} or more ACGT: {sequence[:30]!r}")
    return pd.DataFrame(_describe(sequences), columns=list(DESCRIPTORS))


def describe_any(sequences: Sequence[str]) -> np.ndarray:
    """Describe sequences of any letters and length by the 16 `DESCRIPTORS`.

    Case does not matter and U is T. Any other letter counts in the length, is no part of a stop
    codon and has the code 4, as has an end base beyond a sequence of fewer than four; what it has
    of them stands at the outer side. The logarithm of an empty one's length is 0.

    Args:
        sequences: Spliced, sense-strand bases, DNA or RNA.

    Returns:
        One row a sequence, in order, finite, shape (sequences, 16), float32; that of `describe`
        where it takes the sequence.
    """
    return _describe(sequences).astype(np.float32)


def longest_stop_free_fraction(sequences: Sequence[str]) -> np.ndarray:
    """Give `stop_free_linear_1` alone, for (n,) sequences; arguments and errors as `describe`."""
    return describe(sequences)["stop_free_linear_1"].to_numpy()


def _describe(sequences: Sequence[str]) -> np.ndarray:
    """Describe sequences of any letters and length: (sequences, 16), float64."""
    rows = np.empty((len(sequences), len(DESCRIPTORS)))
    for some in runs_of(sequences):
        rows[some] = _describe_few(sequences[some])
    return rows


def runs_of(sequences: Sequence[str]) -> Iterator[slice]:
    """Divide sequences into runs of neighbours that are worked on at once."""
    lengths = [len(sequence) for sequence in sequences]
    cuts = np.flatnonzero(np.diff(np.cumsum(lengths) // _AT_ONCE)) + 1
    for start, stop in itertools.pairwise([0, *cuts.tolist(), len(lengths)]):
        if stop > start:
            yield slice(start, stop)


def _describe_few(sequences: Sequence[str]) -> np.ndarray:
    """Describe all sequences in one pass over their bases: (sequences, 16), float64."""
    lengths = np.array([len(sequence) for sequence in sequences])
    # Each is closed to a ring by its first two bases: one codon then begins at every base of it.
    rings = [sequence + (2 * sequence[:2])[:2] for sequence in sequences]
    starts = np.cumsum([0, *map(len, rings)])[:-1]
    text = "".join(rings).encode("ascii", "replace").translate(CODE_OF_BYTE)
    codes = np.frombuffer(text + bytes([OTHER, OTHER]), dtype=np.uint8)
    owners, places = find_stops(codes, starts, lengths)
    copies = np.arange(RING_COPIES)[:, None] * lengths[owners]
    linear = longest_stop_free(owners, places, lengths)
    ring = longest_stop_free(
        np.tile(owners, RING_COPIES), (places + copies).ravel(), RING_COPIES * lengths
    )
    # Every other sum is of what lies between two sequences; that of no base is a base.
    bounds = np.stack([starts, starts + lengths], axis=1).ravel()
    gc = np.add.reduceat((codes == 1) | (codes == 2), bounds, dtype=np.int64)[::2] * (lengths > 0)
    divisor = np.maximum(lengths, 1)[:, None]  # of an empty sequence, every count is 0
    return np.hstack(
        [
            np.log(divisor),
            np.sort(linear)[:, ::-1] / divisor,
            np.sort(np.minimum(ring, RING_CAP * lengths[:, None]))[:, ::-1] / divisor,
            gc[:, None] / divisor,
            end_codes(codes, starts, lengths, END_BASES),
        ]
    )


def find_stops(
    codes: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the stop codons that begin in the sequences, also those over the junction of the ring.

    Args:
        codes: Of all sequences, each closed to a ring, or with other letters behind it.
        starts: Where each sequence begins among them.
        lengths: Of each sequence, nt.

    Returns:
        Number of the sequence and place in it of each stop codon, shape (stops,) both.
    """
    codons = (codes[:-2] * _RADIX + codes[1:-1]) * _RADIX + codes[2:]  # below 5^3: uint8 holds them
    taa, tag, tga = _STOPS
    stops = np.flatnonzero((codons == taa) | (codons == tag) | (codons == tga))
    owners = np.searchsorted(starts, stops, side="right") - 1
    places = stops - starts[owners]
    is_inside = places < lengths[owners]
    return owners[is_inside], places[is_inside]


def longest_stop_free(owners: np.ndarray, places: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Length in nt of the longest run of complete codons without a stop, for each frame: (n, 3).

    Args:
        owners: Number of the sequence of each stop codon, shape (stops,).
        places: Where in its sequence each begins, (stops,); one that is not complete is no stop.
        lengths: Of each sequence, nt, (n,).
    """
    is_complete = places + 3 <= lengths[owners]
    owners, (codons, frames) = owners[is_complete], np.divmod(places[is_complete], 3)
    # On one line stand the codons of all frames of all sequences, with a wall between two frames.
    sizes = np.maximum(lengths[:, None] - np.arange(3), 0) // 3
    walls = np.concatenate([[0], np.cumsum(sizes.ravel() + 1)])
    marks = np.sort(np.concatenate([walls, walls[3 * owners + frames] + 1 + codons]))
    runs = np.diff(marks) - 1
    return 3 * np.maximum.reduceat(runs, np.searchsorted(marks, walls[:-1])).reshape(-1, 3)


def end_codes(codes: np.ndarray, starts: np.ndarray, lengths: np.ndarray, count: int) -> np.ndarray:
    """Codes of the first and the last `count` bases: (n, 2 * count); arguments: `find_stops`."""
    from_start = np.tile(np.arange(count), (len(starts), 1))
    places = np.hstack([from_start, from_start + lengths[:, None] - count])
    is_inside = (places >= 0) & (places < lengths[:, None])
    return np.where(is_inside, codes.take(starts[:, None] + places, mode="clip"), OTHER)
