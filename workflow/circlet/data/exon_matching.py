"""Matching runs of exons to circRNAs, one to one, by exon number and length.

Greedy nearest-neighbour matching without replacement, within a caliper (Rosenbaum and Rubin, The
American Statistician 39:33, 1985).
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from circlet.data.exon_runs import Runs, Transcript, as_dna, cut_sequence

# How far the length of a run may be from its circRNA's, as a difference of natural logarithms.
# Beyond a tenth the pairs would bring back the difference that the matching takes away.
CALIPER = math.log(1.1)

# Isoforms and overlapping runs give a gene of a hundred exons thousands of candidates: without a
# limit, long runs would come from a handful of genes. circRNADb's richest genes have some tens.
RUNS_PER_GENE = 30


class Stock:
    """Says which runs may still be taken; a run that may not will never again.

    A run may be taken once, if no sequence like it was taken or is known, and if its gene (its
    transcript, where the gene is not told) has given fewer than `RUNS_PER_GENE`.

    Args:
        runs: All candidates.
        transcripts: What they index.
        known: Sequences that no run may have, in upper-case DNA.
    """

    def __init__(self, runs: Runs, transcripts: Sequence[Transcript], known: Iterable[str]) -> None:
        self.runs, self.transcripts = runs, transcripts
        self._sequences = set(known)
        self._runs: set[int] = set()
        self._given: Counter[tuple[str, str | None]] = Counter()

    def take(self, run: int) -> bool:
        """Take a run; False if it may not be taken."""
        transcript = self.transcripts[self.runs.transcript[run]]
        host = transcript.record
        gene = host.gene or host.gene_id or host.id
        if run in self._runs or self._given[gene] >= RUNS_PER_GENE:
            return False
        first, count = int(self.runs.first[run]), int(self.runs.count[run])
        sequence = as_dna(cut_sequence(transcript, first, count))
        if sequence in self._sequences:
            return False
        self._runs.add(run)
        self._sequences.add(sequence)
        self._given[gene] += 1
        return True


class Pool:
    """Runs in order of length, from which the nearest that is left is taken in near-constant time.

    Places that were removed are joined into stretches, which a union-find with path halving leaps
    (Tarjan, Journal of the ACM 22:215, 1975).

    Args:
        members: The runs, int64 (n,); among runs of one length, those named first go first.
        logs: Logarithms of their lengths, float64 (n,).
    """

    def __init__(self, members: np.ndarray, logs: np.ndarray) -> None:
        order = np.argsort(logs, kind="stable")
        self.members, self.logs = members[order], logs[order]
        # The first place left at or after each, and, one further on, the last one left before it.
        self._after = np.arange(len(order) + 1)
        self._before = np.arange(len(order) + 1)

    def take_nearest(self, target: float, stock: Stock) -> int | None:
        """Take the run nearest to a log length that the stock gives.

        Returns:
            The run, or None if none is left within `CALIPER`.
        """
        while (place := self._nearest(target)) is not None:
            # It is taken now, or the stock will never give it.
            self._after[place], self._before[place + 1] = place + 1, place
            if stock.take(run := int(self.members[place])):
                return run
        return None

    def _nearest(self, target: float) -> int | None:
        """Find the place left whose log length is nearest, within `CALIPER`."""
        middle = int(np.searchsorted(self.logs, target))
        sides = _root(self._before, middle) - 1, _root(self._after, middle)
        places = [place for place in sides if 0 <= place < len(self.logs)]
        place = min(places, key=lambda place: abs(self.logs[place] - target), default=None)
        if place is None or abs(self.logs[place] - target) > CALIPER:
            return None
        return place


def _root(parents: np.ndarray, place: int) -> int:
    """Find the root of a place, and halve the path to it."""
    while (parent := parents[place]) != place:
        parents[place] = parents[parent]
        place = parents[place]
    return int(place)


def match_runs(
    wanted: pd.DataFrame, runs: Runs, stock: Stock, per_circrna: int, seed: int
) -> np.ndarray:
    """Match runs to circRNAs, in rounds: each circRNA gets its first before any gets its second.

    A circRNA takes the run of its own exon number, or of any if its own is missing, that is nearest
    in log length; among runs of one length a random one. It gives up when none is within `CALIPER`.

    Args:
        wanted: circRNAs with `exon_count` (maybe missing) and `length` in nt.
        runs: The candidates.
        stock: Which of them may be taken.
        per_circrna: Number of rounds.
        seed: Seed of the order of the circRNAs, and of that of the runs.

    Returns:
        Row of the circRNA and index of the run, int64 (pairs, 2).
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(runs.length))
    logs = np.log(runs.length)
    targets = np.log(wanted["length"].to_numpy())
    counts = wanted["exon_count"].fillna(0).to_numpy(np.int64)  # 0 for any
    pools = {}
    for count in np.unique(counts):
        members = shuffled[(runs.count[shuffled] == count) | (count == 0)]
        pools[count] = Pool(members, logs[members])
    pairs: list[tuple[int, int]] = []
    rows = rng.permutation(len(wanted)).tolist()
    for _ in range(per_circrna):
        taken = {row: pools[counts[row]].take_nearest(targets[row], stock) for row in rows}
        found = [(row, run) for row, run in taken.items() if run is not None]
        pairs += found
        rows = [row for row, _ in found]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
