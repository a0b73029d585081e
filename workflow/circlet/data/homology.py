"""Cluster the transcripts by similarity of sequence, whatever their places and names.

The clusters are the connected components of the graph that MMseqs2's linclust finds (Steinegger
and Soeding, Nature Communications 9:2542, 2018): its time grows with the number of sequences, not
with that of the pairs. An edge needs the identity over a share of the shorter sequence, so that an
isoform within a longer one counts as its relative.
"""

import argparse
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from circlet.data.mmseqs import MEMORY_LIMIT, run_mmseqs, write_numbered_fasta
from circlet.errors import InputError
from circlet.files import read_table, write_table
from circlet.tables import DATASET_COLUMNS, HOMOLOGY_COLUMNS

log = logging.getLogger(__name__)

# Of the same input, some releases of MMseqs2 lose a similarity in one of some fifty runs: what two
# runs say alike is taken.
MOST_RUNS = 6


def cluster(sequences: Sequence[str], identity: float, coverage: float, threads: int) -> np.ndarray:
    """Cluster sequences.

    Args:
        sequences: Spliced bases; similarity is looked for on both strands.
        identity: Lowest identity of an alignment, 0 to 1.
        coverage: Lowest share of the shorter sequence that it covers, 0 to 1.
        threads: Threads of MMseqs2; the clusters depend neither on them nor on the rows' order.

    Returns:
        The row of the representative of each sequence's cluster, int64 (n,).

    Raises:
        InputError: MMseqs2 is missing or fails, or no two of its runs agree.
    """
    seen: list[np.ndarray] = []
    for _ in range(MOST_RUNS):
        found = _cluster_once(sequences, identity, coverage, threads)
        if any(np.array_equal(found, other) for other in seen):
            return found
        seen.append(found)
    raise InputError(
        "MMseqs2", f"{MOST_RUNS} runs gave as many results", "use another release of it"
    )


def _cluster_once(
    sequences: Sequence[str], identity: float, coverage: float, threads: int
) -> np.ndarray:
    """Run linclust; see `cluster`."""
    options = {
        "--min-seq-id": f"{identity:.4f}",
        "-c": f"{coverage:.4f}",
        "--cov-mode": "1",  # of the member, which is not longer than the representative
        "--cluster-mode": "1",  # connected components
        "--split-memory-limit": MEMORY_LIMIT,
        # Longer ones are cut, and the coverage is then that of a piece.
        "--max-seq-len": str(max(map(len, sequences)) + 1),
        "--threads": str(threads),
    }
    with tempfile.TemporaryDirectory() as folder:
        fasta, prefix = Path(folder, "sequences.fa"), Path(folder, "clusters")
        # Sorted, since MMseqs2 settles ties by the order of its input.
        in_order = sorted(range(len(sequences)), key=sequences.__getitem__)
        write_numbered_fasta(fasta, in_order, sequences)
        words = [word for option in options.items() for word in option]
        run_mmseqs("easy-linclust", [fasta, prefix], words)
        pairs = np.loadtxt(f"{prefix}_cluster.tsv", dtype=np.int64, ndmin=2)
    found = np.full(len(sequences), -1)
    found[pairs[:, 1]] = pairs[:, 0]
    assert (found >= 0).all(), "MMseqs2 left a sequence out"
    # The smallest row of a cluster names it: which one MMseqs2 takes is its own affair.
    rows = pd.Series(np.arange(len(found)))
    return rows.groupby(found).transform("min").to_numpy()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--transcripts", required=True, help="the dataset, Parquet")
    parser.add_argument("--identity", type=float, default=0.8, help="lowest identity, 0 to 1")
    parser.add_argument(
        "--coverage", type=float, default=0.5, help="of the shorter sequence, at least, 0 to 1"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of MMseqs2")
    parser.add_argument("--output", required=True, help="id and cluster, Parquet")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    for name in ("identity", "coverage"):
        value = getattr(args, name)
        if not 0 < value <= 1:
            raise InputError(f"--{name}", f"{value} is no share", "give one above 0, at most 1")
    table = read_table(args.transcripts, DATASET_COLUMNS)
    names = table["id"].to_numpy()
    clusters = cluster(table["sequence"].tolist(), args.identity, args.coverage, args.threads)
    found = pd.DataFrame({"id": names, "cluster": names[clusters]})[list(HOMOLOGY_COLUMNS)]
    write_table(args.output, found.astype("string"))
    sizes = found["cluster"].value_counts()
    log.info("%s clusters, the largest of %s transcripts", f"{len(sizes):,}", f"{sizes.iloc[0]:,}")
