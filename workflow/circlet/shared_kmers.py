"""Which test sequences share a 31-mer with the training part, and what remembering them scores.

All 31-mers are divided by a hash into files small enough to be sorted in memory, one after the
other: time grows with the number of bases, memory does not. The files take 12 bytes a base of
temporary disk. A 31-mer with a letter other than A, C, G and T is passed over, and a sequence is
read as it is: neither its other strand nor, for a ring, the windows across its junction count.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from circlet.files import writing
from circlet.progress import track

K = 31  # the longest odd one whose code fits 64 bits; shorter ones are shared by chance

CHUNK = 1 << 20  # nt encoded at a time
BUCKET = 1 << 21  # 31-mers sorted at a time, about

PAIR = np.dtype([("code", "<u8"), ("row", "<i4")])  # a 31-mer and the sequence that has it

# Votes are rounded to a multiple of this, so that their sums are exact in any order.
VOTE_UNIT = 2.0**-30

_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, Knuth's multiplicative hash
_NO_BASE = 4
_BASES = np.full(256, _NO_BASE, dtype=np.uint8)
_BASES[list(b"ACGT")] = range(4)


def look_up(
    sequences: Sequence[str],
    is_circrna: np.ndarray,
    is_train: np.ndarray,
    is_test: np.ndarray,
    bucket_size: int = BUCKET,
) -> tuple[np.ndarray, np.ndarray]:
    """Look the 31-mers of test sequences up among those of training, under many splits at once.

    The score is that of a memoriser: each 31-mer of the training part votes (circRNAs with it minus
    lncRNAs with it) / (both), any other 0; a sequence's score is the mean vote of its distinct
    31-mers.

    Args:
        sequences: Upper-case bases.
        is_circrna: The class of each, bool (n,).
        is_train: Whether it is in the training part of each split, bool (splits, n).
        is_test: Likewise for the test part.
        bucket_size: 31-mers sorted at a time, about; the result does not depend on it.

    Returns:
        Whether a test sequence shares a 31-mer with training, bool (splits, n), and its score from
        -1 (lncRNA) to 1 (circRNA), float64 (splits, n); False and 0 for all that are not tested.
    """
    votes, shared = np.zeros(is_test.shape), np.zeros(is_test.shape, dtype=bool)
    sizes = np.zeros(len(sequences), dtype=np.int64)
    rows = np.flatnonzero((is_train | is_test).any(axis=0))
    count = 1 + sum(len(sequences[row]) for row in rows.tolist()) // bucket_size
    with tempfile.TemporaryDirectory() as folder:
        buckets = [Path(folder, str(number)) for number in range(count)]
        partition(sequences, rows, buckets)
        for path in track(buckets, f"buckets of {K}-mers", total=count):
            if not path.exists():
                continue
            kmers, owners = read_bucket(path)
            sizes += np.bincount(owners, minlength=len(sizes))
            for split, (trained, tested) in enumerate(zip(is_train, is_test, strict=True)):
                known, vote = _votes(kmers, is_circrna[owners], trained[owners])
                asked = tested[owners]
                shared[split, owners[asked & known[kmers]]] = True
                votes[split] += np.bincount(
                    owners[asked], weights=vote[kmers[asked]], minlength=len(sizes)
                )
    return shared, votes / np.maximum(sizes, 1)


def _votes(
    kmers: np.ndarray, is_circrna: np.ndarray, is_trained: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Count for each 31-mer the classes of the training sequences that have it.

    Args:
        kmers: Number of a 31-mer, once for each sequence that has it, (pairs,).
        is_circrna: Class of that sequence, bool (pairs,).
        is_trained: Whether the sequence is in the training part, bool (pairs,).

    Returns:
        Whether each 31-mer is known from training, and its vote, both (distinct 31-mers,).
    """
    size = kmers[-1] + 1
    both = np.bincount(kmers[is_trained], minlength=size)
    circrnas = np.bincount(kmers[is_trained & is_circrna], minlength=size)
    vote = (2 * circrnas - both) / np.maximum(both, 1)
    return both > 0, np.rint(vote / VOTE_UNIT) * VOTE_UNIT


def read_bucket(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a bucket of `partition`, each 31-mer of a sequence once.

    Returns:
        The number of a 31-mer, ascending from 0, and the row of a sequence that has it; int64 and
        int32 (pairs,).
    """
    pairs = np.fromfile(path, dtype=PAIR)
    # Stable, so that the rows of one 31-mer stay ascending, as they were written.
    pairs = pairs[np.argsort(pairs["code"], kind="stable")]
    codes, rows = pairs["code"], pairs["row"]
    is_new = np.append(True, codes[1:] != codes[:-1])
    is_first = is_new | np.append(True, rows[1:] != rows[:-1])
    return (np.cumsum(is_new) - 1)[is_first], rows[is_first]


def partition(sequences: Sequence[str], rows: np.ndarray, buckets: Sequence[Path]) -> None:
    """Write each 31-mer with its sequence's row to the bucket that its hash names.

    Args:
        sequences: Upper-case bases.
        rows: Which of them to take, ascending.
        buckets: Files to append to; one that nothing falls into is not made.
    """
    lengths = np.array([len(sequences[row]) for row in rows], dtype=np.int64)
    for chunk in track(_chunks(rows, lengths), f"chunks of {K}-mers"):
        pairs = encode(sequences, chunk)
        bucket = _bucket_of(pairs["code"], len(buckets))
        pairs = pairs[np.argsort(bucket, kind="stable")]
        bounds = np.append(0, np.cumsum(np.bincount(bucket, minlength=len(buckets))))
        for number in np.flatnonzero(np.diff(bounds)).tolist():
            with writing(buckets[number]), open(buckets[number], "ab") as handle:
                # Not `tofile`, which is silent about the last bytes if the disk is full.
                handle.write(pairs[bounds[number] : bounds[number + 1]].data)


def _chunks(rows: np.ndarray, lengths: np.ndarray) -> Iterator[np.ndarray]:
    """Divide rows into runs of about `CHUNK` nt."""
    number = np.cumsum(lengths) // CHUNK
    yield from np.split(rows, np.flatnonzero(np.diff(number)) + 1)


def _bucket_of(codes: np.ndarray, count: int) -> np.ndarray:
    """Name a bucket for each 31-mer, evenly, (n,) of the smallest type (sorted fastest)."""
    mixed = (codes * _MIX) >> np.uint64(32)
    return ((mixed * np.uint64(count)) >> np.uint64(32)).astype(np.min_scalar_type(count))


def encode(sequences: Sequence[str], rows: np.ndarray) -> np.ndarray:
    """Encode the 31-mers of some sequences, two bits a base.

    Returns:
        A structured array of type `PAIR` in the order of the rows and of the places in them.
    """
    # The line break between two sequences is no base, so that no window reaches across.
    text = "\n".join(sequences[row] for row in rows)
    bases = _BASES[np.frombuffer(text.encode("ascii", "replace"), dtype=np.uint8)]
    lengths = [len(sequences[row]) + 1 for row in rows]
    is_other = bases == _NO_BASE
    others = np.append(0, np.cumsum(is_other))
    is_valid = others[K:] == others[:-K]
    codes = np.where(is_other, 0, bases).astype(np.uint64)
    width = 1
    while width < K:
        # Two windows make a wider one; the bases that both have are the same bits.
        step = min(width, K - width)
        codes = (codes[:-step] << np.uint64(2 * step)) | codes[step:]
        width += step
    pairs = np.empty(is_valid.sum(), dtype=PAIR)
    pairs["code"] = codes[is_valid]
    pairs["row"] = np.repeat(rows, lengths)[: len(is_valid)][is_valid]
    return pairs
