"""How fast sequences become tokens, against the prototype's way, on one core.

The prototype's way is a slice and a dictionary look-up for each k-mer, in a list for each sequence;
the other is that of `circlet tokens`, some hundred sequences at a time.
Both ways make the same tokens of the same bases, which is checked, in turn in one run; the rate is
that of the median repeat. Two vocabularies: the prototype's own (5-mers of the first 400 nt, filled
up with `0`) and circlet's default (3-mers of the whole sequence, closed to a ring).

    python benchmarks/tokenising.py --transcripts results/dataset/transcripts.parquet

`nt` are the bases read, without the fill.
"""

import argparse
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from circlet.files import read_table, write_table
from circlet.model.kmers import FILL, PAD_ID, SPECIALS, KmerVocab
from circlet.model.tokens import SEQUENCES_AT_ONCE

VOCABULARIES = {
    "prototype: k 5, first 400 nt": {"k": 5, "window": 400},
    "circlet: k 3, ring": {"k": 3, "ring": True},
}

log = logging.getLogger(__name__)


def prototype_ids(vocabulary: KmerVocab) -> dict[str, int]:
    """Make the dictionary from a k-mer to its id."""
    ids = {kmer: number for number, kmer in enumerate(vocabulary.kmers, start=len(SPECIALS))}
    return ids | {FILL * vocabulary.k: PAD_ID}


def encode_as_prototype(sequence: str, vocabulary: KmerVocab, ids: dict[str, int]) -> list[int]:
    """Cut a sequence of known k-mers into tokens, one after the other."""
    k = vocabulary.k
    if vocabulary.window is not None:
        sequence = sequence[: vocabulary.window].ljust(vocabulary.window, FILL)
    elif vocabulary.ring:
        sequence += sequence[: k - 1]
    return [ids[sequence[i : i + k]] for i in range(len(sequence) - k + 1)]


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call, s."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(name: str, sequences: list[str], repeats: int) -> list[dict]:
    """Time both ways in turn; returns one row for each.

    Raises:
        RuntimeError: They do not make the same tokens.
    """
    vocabulary = KmerVocab.build(sequences, **VOCABULARIES[name])
    ids = prototype_ids(vocabulary)

    def as_prototype() -> None:
        for sequence in sequences:  # each list is let go, which is kind to the prototype
            encode_as_prototype(sequence, vocabulary, ids)

    def as_the_workflow() -> None:
        for start in range(0, len(sequences), SEQUENCES_AT_ONCE):
            vocabulary.encode_many(sequences[start : start + SEQUENCES_AT_ONCE])

    tokens, offsets = vocabulary.encode_many(sequences)
    for row, sequence in enumerate(sequences):
        same = encode_as_prototype(sequence, vocabulary, ids)
        if tokens[offsets[row] : offsets[row + 1]].tolist() != same:
            raise RuntimeError(f"{name}: the two ways differ in sequence {row}")
    times: dict[str, list[float]] = {"prototype": [], "encode_many": []}
    for repeat in range(repeats):
        times["prototype"].append(seconds(as_prototype))
        times["encode_many"].append(seconds(as_the_workflow))
        log.info("%s: repeat %d of %d", name, repeat + 1, repeats)
    read = sum(min(len(sequence), vocabulary.window or len(sequence)) for sequence in sequences)
    slow = np.median(times["prototype"])
    return [
        {
            "vocabulary": name,
            "way": way,
            "nt": read,
            "seconds": np.median(found),
            "mnt_per_second": read / np.median(found) / 1e6,
            "ratio": slow / np.median(found),
        }
        for way, found in times.items()
    ]


def main() -> None:
    """Measure both vocabularies and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transcripts", type=Path, required=True, help="a real dataset, Parquet")
    parser.add_argument("--most", type=int, help="read the first MOST transcripts alone")
    parser.add_argument("--repeats", type=int, default=7, help="repeats of each way")
    parser.add_argument("--output", type=Path, required=True, help="the table, TSV")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sequences = read_table(args.transcripts, ("sequence",))["sequence"].tolist()[: args.most]
    rows = [row for name in VOCABULARIES for row in measure(name, sequences, args.repeats)]
    found = pd.DataFrame(rows)
    write_table(args.output, found)
    sys.stdout.write(found.round(3).to_string(index=False) + "\n")


if __name__ == "__main__":
    main()
