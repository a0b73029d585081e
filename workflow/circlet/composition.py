"""What a sequence is made of: counts of short words beside the 16 descriptors and longer ends."""

from collections.abc import Sequence

import numpy as np

from circlet.descriptors import (
    BASES,
    CODE_OF_BYTE,
    DESCRIPTORS,
    OTHER,
    describe,
    describe_any,
    end_codes,
    find_stops,
    longest_stop_free,
    runs_of,
)

WORD, CODON = 4, 3  # nt
WORDS, CODONS = len(BASES) ** WORD, len(BASES) ** CODON
END_BASES = 10  # of each end
COUNTED = 1 << 19  # words at once, which bounds the memory of a long sequence
_GAP = "N" * (WORD - 1)
SIZE = len(DESCRIPTORS) + WORDS + CODONS + 2 * END_BASES


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
    for some in runs_of(sequences):
        rows[some] = _compose_few(sequences[some])
    return rows


def _compose_few(sequences: Sequence[str]) -> np.ndarray:
    """The same in one pass over the bases of all sequences, of which there is at least one."""
    lengths = np.array([len(sequence) for sequence in sequences])
    # Behind each stand letters that are no bases, so that no word runs into the next.
    steps = lengths + len(_GAP)
    starts = np.cumsum([0, *steps])[:-1]
    text = "".join(sequence + _GAP for sequence in sequences)
    codes = np.frombuffer(text.encode("ascii", "replace").translate(CODE_OF_BYTE), dtype=np.uint8)
    open_frames = longest_stop_free(*find_stops(codes, starts, lengths), lengths).argmax(axis=1)
    codons = _numbers(codes, CODON)
    places = zip((starts + open_frames).tolist(), (starts + lengths).tolist(), strict=True)
    frames = [codons[start:stop:CODON] for start, stop in places]
    return np.hstack(
        [
            _frequencies(_numbers(codes, WORD), steps, WORDS),
            _frequencies(np.concatenate(frames), np.array([*map(len, frames)]), CODONS),
            end_codes(codes, starts, lengths, END_BASES),
        ]
    )


def _numbers(codes: np.ndarray, length: int) -> np.ndarray:
    """Number of the word that begins at each position, (n - length + 1,), uint16.

    A word with a letter that is no base has the number behind all others.
    """
    places = max(0, len(codes) - length + 1)
    numbers = codes[:places].astype(np.uint16)
    for shift in range(1, length):
        numbers *= len(BASES)
        numbers += codes[shift : shift + places]
    is_other = codes == OTHER
    if is_other.any():
        for shift in range(length):
            numbers[is_other[shift : shift + places]] = len(BASES) ** length
    return numbers


def _frequencies(numbers: np.ndarray, sizes: np.ndarray, total: int) -> np.ndarray:
    """Share of each of `total` words in each sequence, (n, total).

    Args:
        numbers: Of the words of one sequence after the other; the last ones may be lacking.
        sizes: How many each has, (n,).
        total: Words, without those of the number behind all others.
    """
    owners = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)[: len(numbers)]
    counts = np.zeros(len(sizes) * (total + 1), dtype=np.int64)
    for start in range(0, len(numbers), COUNTED):
        some = slice(start, start + COUNTED)
        keys = owners[some].astype(np.intp) * (total + 1) + numbers[some]
        counts += np.bincount(keys, minlength=len(counts))
    known = counts.reshape(-1, total + 1)[:, :total]
    shares: np.ndarray = known / np.maximum(1, known.sum(axis=1, keepdims=True))
    return shares
