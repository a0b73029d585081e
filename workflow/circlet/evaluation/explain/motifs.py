"""What a model's calls rest on over many transcripts: by k-mer, and by place at the ends."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from circlet.descriptors import BASES
from circlet.tables import LABELS

LENGTHS = (3, 6)  # of the k-mers, nt
LEAST = 10  # transcripts: a k-mer of fewer stands behind the others
NEAR = 50  # bases of each end of which places are told


class Read(NamedTuple):
    """A transcript of the sample.

    Attributes:
        sequence: Upper-case ACGT.
        label: Its label, or its call where it has none.
        bases: What each base is worth, shape (length,).
        is_read: Whether the networks read it, shape (length,), bool; what they do not is left out.
    """

    sequence: str
    label: str
    bases: np.ndarray
    is_read: np.ndarray


def words_of(read: Read, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Number and worth of each k-mer of a transcript that is read as a whole, (words,) both."""
    letters = np.frombuffer(read.sequence.encode(), np.uint8)
    codes = np.searchsorted(np.frombuffer(BASES.encode(), np.uint8), letters)
    # Of each base of a word in turn: so many words begin in the transcript.
    shifts = [slice(shift, len(codes) - k + 1 + shift) for shift in range(k)]
    numbers = sum(codes[shift] * len(BASES) ** (k - 1 - i) for i, shift in enumerate(shifts))
    worth = sum((read.bases[shift] for shift in shifts), np.zeros(()))
    is_whole = np.all([read.is_read[shift] for shift in shifts], axis=0)
    return numbers[is_whole], worth[is_whole]


def kmer_table(sample: Sequence[Read]) -> pd.DataFrame:
    """Tell what the k-mers of `LENGTHS` are worth.

    A k-mer is worth the sum of its bases. The ring is not closed here. The standard error is that
    of a mean over transcripts of different size (of a ratio), since what stands in one transcript
    is not independent.

    Returns:
        Columns `k`, `kmer`, `n` (occurrences), `transcripts`, `mean_attribution`,
        `standard_error`, for each label `n_{label}` and `mean_{label}`, and `is_common`: whether
        `LEAST` transcripts (or a tenth of a sample of fewer than a hundred) have it. Missing is
        what there is nothing to take a mean of. For each k the common ones first, those of which it
        is surest that they speak for circRNA at the head and for lncRNA at the tail.
    """
    least = min(LEAST, -(-len(sample) // 10))
    return pd.concat([_kmers_of(sample, k, least) for k in LENGTHS], ignore_index=True)


def _kmers_of(sample: Sequence[Read], k: int, least: int) -> pd.DataFrame:
    """The rows of one k."""
    size = len(BASES) ** k
    counts, sums = np.zeros((len(sample), size)), np.zeros((len(sample), size))
    for row, read in enumerate(sample):
        numbers, worth = words_of(read, k)
        counts[row] = np.bincount(numbers, minlength=size)
        sums[row] = np.bincount(numbers, weights=worth, minlength=size)
    total, transcripts = counts.sum(axis=0), (counts > 0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums.sum(axis=0) / total
        squares = ((sums - mean * counts) ** 2).sum(axis=0)
        error = np.sqrt(squares * transcripts / (transcripts - 1)) / total
        labels = np.array([read.label for read in sample])
        of_label = {}
        for label in reversed(LABELS):
            number = counts[labels == label].sum(axis=0)
            of_label[f"n_{label}"] = number.astype(int)
            of_label[f"mean_{label}"] = sums[labels == label].sum(axis=0) / number
        surety = mean / error
    letters = np.array(list(BASES))
    digits = np.arange(size)[:, None] // len(BASES) ** np.arange(k - 1, -1, -1) % len(BASES)
    table = pd.DataFrame(
        {
            "k": k,
            "kmer": ["".join(word) for word in letters[digits]],
            "n": total.astype(int),
            "transcripts": transcripts,
            "mean_attribution": mean,
            "standard_error": np.where(transcripts > 1, error, np.nan),
            **of_label,
            "is_common": transcripts >= least,
        }
    )
    order = np.lexsort([np.arange(size), -np.nan_to_num(surety), transcripts < least])
    found: pd.DataFrame = table.iloc[order[total[order] > 0]]
    return found


def position_table(sample: Sequence[Read]) -> pd.DataFrame:
    """Tell what places at both ends are worth.

    Returns:
        Columns `anchor` (start or end), `position` (0 to 49 from the start, -50 to -1 from the
        end), `n` (transcripts that have it), `mean_attribution`, `standard_error`,
        `mean_absolute`, and for each base `n_{base}` and `mean_{base}`: the mean where it stands
        there.
    """
    return pd.DataFrame(
        [
            {"anchor": anchor, "position": place, **_at(sample, place)}
            for anchor, places in (("start", range(NEAR)), ("end", range(-NEAR, 0)))
            for place in places
        ]
    )


def _at(sample: Sequence[Read], place: int) -> dict[str, float]:
    """What one place, from the start or (below 0) from the end, is worth."""
    reach = -place if place < 0 else place + 1
    there = [read for read in sample if len(read.bases) >= reach and read.is_read[place]]
    worth = np.array([read.bases[place] for read in there])
    letters = np.array([read.sequence[place] for read in there])
    of_base = {base: worth[letters == base] for base in BASES}
    return {
        "n": len(there),
        "mean_attribution": worth.mean() if len(there) else np.nan,
        "standard_error": worth.std(ddof=1) / len(there) ** 0.5 if len(there) > 1 else np.nan,
        "mean_absolute": np.abs(worth).mean() if len(there) else np.nan,
        **{f"n_{base}": len(some) for base, some in of_base.items()},
        **{f"mean_{base}": some.mean() if len(some) else np.nan for base, some in of_base.items()},
    }
