"""Which transcripts have a relative in the training part, by marks or by similarity.

A mark is what relatives have in common, a gene or a splice site. All marks are numbered once, so
that each split asks a table of numbers, never all pairs.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from circlet.data.groups import joined_components
from circlet.data.intervals import has_place, on_one_line
from circlet.data.mmseqs import MEMORY_LIMIT, run_mmseqs, write_numbered_fasta
from circlet.tables import POSITIVE

IDENTITY, COVERAGE = 0.8, 0.5  # of an alignment, and of the test sequence by it

# Test sequences searched for, at most: more would take time that grows with test times training,
# and a share of so many is known to better than one and a half points (95 %).
SEARCHED = 5_000


def gene_marks(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Number the genes; returns the rows that know theirs and the number of each one's gene.

    Two rows are of one gene if they have the same symbol or the same accession.
    """
    rows = np.flatnonzero(table[["gene", "gene_id"]].notna().any(axis=1))
    known = table.iloc[rows]
    return rows, joined_components(known["gene"], known["gene_id"])


def splice_sites(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Number the splice sites: places on a strand where an exon begins, or ends.

    A transcript without a list of exons is one exon: its ends are sites for a circRNA, and none is
    known for a linear transcript.

    Args:
        table: Transcripts with `DATASET_COLUMNS`.

    Returns:
        Rows of transcripts and numbers of sites that they bear, each int64 (pairs,).
    """
    rows = np.flatnonzero(has_place(table))
    if not len(rows):
        return rows, rows
    placed = table.iloc[rows]
    told = placed[["exon_lengths", "exon_offsets"]].notna().all(axis=1)
    span = (placed["end"] - placed["start"]).astype("string")
    lengths = _joined_numbers(placed["exon_lengths"].where(told, span))
    offsets = _joined_numbers(placed["exon_offsets"].where(told, "0"))
    counts = placed["exon_lengths"].where(told, span).str.count(",").to_numpy(np.int64) + 1
    ((starts, _),) = on_one_line(placed)
    begins = np.repeat(starts, counts) + offsets
    owners = np.repeat(rows, counts)
    is_circrna = np.repeat((placed["label"] == POSITIVE).to_numpy(bool), counts)
    is_first, is_last = np.zeros((2, len(owners)), dtype=bool)
    is_first[np.cumsum(counts) - counts] = True
    is_last[np.cumsum(counts) - 1] = True
    at_start, at_end = is_circrna | ~is_first, is_circrna | ~is_last
    sites = np.append(2 * begins[at_start], 2 * (begins + lengths)[at_end] + 1)
    return np.append(owners[at_start], owners[at_end]), np.unique(sites, return_inverse=True)[1]


def _joined_numbers(lists: pd.Series) -> np.ndarray:
    """Read comma lists, one after the other, int64."""
    return np.fromstring(",".join(lists), dtype=np.int64, sep=",")


def bear_trained(rows: np.ndarray, marks: np.ndarray, is_train: np.ndarray) -> np.ndarray:
    """Whether each transcript bears a mark that one of the training part bears.

    Args:
        rows: Rows of transcripts, (pairs,).
        marks: The number of a mark that each of them bears, (pairs,).
        is_train: Whether a transcript is in the training part, bool (n,).

    Returns:
        bool (n,).
    """
    is_trained = np.zeros(marks.max(initial=-1) + 1, dtype=bool)
    is_trained[marks[is_train[rows]]] = True
    found = np.zeros(len(is_train), dtype=bool)
    found[rows[is_trained[marks]]] = True
    return found


def draw_searched(is_test: np.ndarray, seed: int) -> np.ndarray:
    """Choose the test sequences that are searched for: all, or `SEARCHED` at random.

    Args:
        is_test: Whether a sequence is in the test part, bool (n,).
        seed: Seed of the draw.

    Returns:
        bool (n,).
    """
    rows = np.flatnonzero(is_test)
    if len(rows) > SEARCHED:
        rows = np.random.default_rng(seed).choice(rows, SEARCHED, replace=False)
    searched = np.zeros(len(is_test), dtype=bool)
    searched[rows] = True
    return searched


def find_similar(
    sequences: Sequence[str], is_train: np.ndarray, is_test: np.ndarray, threads: int
) -> np.ndarray:
    """Whether each test sequence is like one of the training part.

    One alignment on the sense strand must have `IDENTITY` and cover `COVERAGE` of the test
    sequence. The prefilter passes the 100 best candidates on: 2,000 instead find one or two more
    of 3,930 human test sequences. Spaced 13-mers keep its table at half a GiB, where the default
    of 15 takes eight.

    Args:
        sequences: Upper-case bases.
        is_train: Whether a sequence is in the training part, bool (n,).
        is_test: Whether it is in the test part, bool (n,).
        threads: Threads of MMseqs2; the result does not depend on them.

    Returns:
        bool (n,), False for all that are not tested.

    Raises:
        InputError: MMseqs2 is missing or fails.
    """
    options = {
        "--search-type": "3",  # nucleotides
        "--strand": "1",
        "--min-seq-id": f"{IDENTITY}",
        "-c": f"{COVERAGE}",
        "--cov-mode": "2",  # of the query, the test sequence
        "-k": "13",
        "--max-seqs": "100",
        "--max-accept": "1",  # one relative is enough
        # Longer ones are cut, and the coverage is then that of a piece.
        "--max-seq-len": str(max(map(len, sequences)) + 1),
        "--split-memory-limit": MEMORY_LIMIT,
        "--format-output": "query",
        "--threads": str(threads),
    }
    found = np.zeros(len(sequences), dtype=bool)
    with tempfile.TemporaryDirectory() as folder:
        tested, trained, hits = (Path(folder, name) for name in ("test.fa", "train.fa", "hits"))
        write_numbered_fasta(tested, np.flatnonzero(is_test), sequences)
        write_numbered_fasta(trained, np.flatnonzero(is_train), sequences)
        words = [word for option in options.items() for word in option]
        run_mmseqs("easy-search", [tested, trained, hits], words)
        found[np.fromfile(hits, dtype=np.int64, sep="\n")] = True
    return found
