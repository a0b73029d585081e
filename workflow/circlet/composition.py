"""What a sequence is made of: counts of short words beside the 16 descriptors and longer ends."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from circlet.descriptors import BASES, CODE_OF_BYTE, DESCRIPTORS, OTHER, describe, describe_any

WORD, CODON = 4, 3  # nt
WORDS, CODONS = len(BASES) ** WORD, len(BASES) ** CODON
END_BASES = 10  # of each end
SIZE = len(DESCRIPTORS) + WORDS + CODONS + 2 * END_BASES

# Of each codon by its number, and at the end of one with a letter that is no base.
_IS_STOP = np.isin(
    ["".join(bases) for bases in product(BASES, repeat=CODON)] + [""], ["TAA", "TAG", "TGA"]
)


def compose(sequences: Sequence[str]) -> np.ndarray:
    """Describe each sequence by 356 numbers.

    - the 16 descriptors, see `describe`;
    - 256 frequencies of the 4-mers at every position, in the order of their letters;
    - 64 frequencies of the codons, likewise, in one frame of the sequence as it is, not closed to
      a ring: the frame with the longest stretch without a stop codon, the first of equal ones. All
      of its complete codons count, not those of the stretch alone;
    - 20 codes of bases, A 0, C 1, G 2, T 3: the first ten and the last ten in reading order, with
      4 for what a shorter sequence lacks, at the inner side.

    Args:
        sequences: Spliced, sense-strand bases, upper-case ACGT, at least four each.

    Returns:
        One row a sequence, in order, (n, 356).

    Raises:
        ValueError: A sequence is too short or has another character.
    """
    # First the descriptors, since they refuse what is no sequence.
    return np.hstack([describe(sequences), _compose(sequences)])


def compose_any(sequences: Sequence[str]) -> np.ndarray:
    """Describe sequences of any letters and length by the numbers of `compose`.

    Case does not matter and U is T. Words with another letter do not count, and it has the code 4.

    Args:
        sequences: Spliced, sense-strand bases, DNA or RNA.

    Returns:
        One row a sequence, in order, finite, shape (sequences, 356), float32.
    """
    return np.hstack([describe_any(sequences), _compose(sequences).astype(np.float32)])


def _compose(sequences: Sequence[str]) -> np.ndarray:
    """All but the descriptors, for sequences of any letters and length, (n, 340)."""
    rows = np.empty((len(sequences), SIZE - len(DESCRIPTORS)))
    for row, sequence in zip(rows, sequences, strict=True):
        letters = sequence.encode("ascii", "replace").translate(CODE_OF_BYTE)
        codes = np.frombuffer(letters, dtype=np.uint8)
        row[:WORDS] = _frequencies(_numbers(codes, WORD), WORDS)
        row[WORDS : WORDS + CODONS] = _frequencies(_most_open(_numbers(codes, CODON)), CODONS)
        row[WORDS + CODONS :] = _ends(codes)
    return rows


def _numbers(codes: np.ndarray, length: int) -> np.ndarray:
    """Number of the word that begins at each position, (n - length + 1,).

    A word with a letter that is no base has the number behind all others.
    """
    places = max(0, len(codes) - length + 1)
    numbers = np.zeros(places, dtype=np.intp)
    is_other = np.zeros(places, dtype=bool)
    for shift in range(length):
        numbers *= len(BASES)
        numbers += codes[shift : shift + places]
        is_other |= codes[shift : shift + places] == OTHER
    numbers[is_other] = len(BASES) ** length
    return numbers


def _most_open(codons: np.ndarray) -> np.ndarray:
    """Keep the codons of the frame with the longest stretch without a stop.

    Args:
        codons: Number of the codon that begins at each position.
    """
    frames = [codons[frame::CODON] for frame in range(CODON)]
    longest = []
    for frame in frames:
        bounds = np.flatnonzero(np.concatenate([[True], _IS_STOP[frame], [True]]))
        longest.append(np.diff(bounds).max())
    return frames[int(np.argmax(longest))]


def _frequencies(numbers: np.ndarray, total: int) -> np.ndarray:
    """Share of each of `total` words, (total,)."""
    counts = np.bincount(numbers, minlength=total + 1)[:total]
    return counts / max(1, counts.sum())


def _ends(codes: np.ndarray) -> np.ndarray:
    """Codes of the first and the last bases, (2 * END_BASES,)."""
    ends = np.full(2 * END_BASES, OTHER)
    first, last = codes[:END_BASES], codes[-END_BASES:]
    ends[: len(first)] = first
    ends[len(ends) - len(last) :] = last
    return ends
