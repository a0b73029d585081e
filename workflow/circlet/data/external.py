"""Step `circlet external`: a user's own labelled sequences, made ready to be test sets.

They are cleaned as the dataset is, and never taught on. What of them the training part knows
already is found by 31-mers, split by split, so that a score on the rest can stand beside that on
all.
"""

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from circlet.arguments import named_path
from circlet.data.dataset import clean
from circlet.data.records import records_to_table
from circlet.data.sources.fasta import read_transcripts
from circlet.errors import InputError
from circlet.files import read_table, write_table
from circlet.parts import with_parts
from circlet.shared_kmers import look_up
from circlet.tables import (
    EXTERNAL,
    LABELS,
    NEGATIVE,
    POSITIVE,
    SPLIT_COLUMNS,
    SUBSET_COLUMNS,
    TRAIN,
    UNSEEN,
)

log = logging.getLogger(__name__)


def read_set(name: str, files: Mapping[str, Path], min_length: int) -> pd.DataFrame:
    """Read and clean one set.

    Args:
        name: The set's name, which goes before each id.
        files: FASTA file of each label, plain or gzip; headers may tell more, see
            `read_transcripts`.
        min_length: Shortest sequence kept, nt.

    Returns:
        A table as `circlet.tables` describes it: the groups are genes, or transcripts where the
        gene is not told.

    Raises:
        InputError: A file is not usable, or nothing of a label is left.
    """
    tables = [
        records_to_table(read_transcripts(path), name, label, None) for label, path in files.items()
    ]
    records = pd.concat(tables, ignore_index=True)
    twice = records["id"][records["id"].duplicated()]
    if len(twice):
        raise InputError(
            files[LABELS[0]],
            f"this id stands in {files[LABELS[1]]} too",
            "give each record an id of its own",
            twice.iloc[0],
        )
    kept, _ = clean(records, min_length, [], ["both_labels"])
    for label, path in files.items():
        if label not in set(kept["label"]):
            raise InputError(
                path,
                f"has no sequence of {min_length} nt or more of A, C, G and T that is not under "
                "both labels",
                "give others",
            )
    log.info("%s: %d of %d sequences are kept", name, len(kept), len(records))
    genes = kept["gene"].fillna(kept["gene_id"]).fillna(kept["id"])
    return kept.assign(
        id=f"{name}:" + kept["id"], group=f"{name}:" + genes.astype("string"), part=EXTERNAL
    )


def find_unseen(
    external: pd.DataFrame, transcripts: pd.DataFrame, is_train: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Find what of the sets shares no 31-mer with a training part, on the strand as it is read.

    Args:
        external: The sets, with `id`, `source` and `sequence`.
        transcripts: The dataset, with `sequence`.
        is_train: Whether each of its transcripts is of the training part, by scheme, bool (n,).

    Returns:
        A table with `SUBSET_COLUMNS`.
    """
    sequences = [*transcripts["sequence"], *external["sequence"]]
    is_external = np.arange(len(sequences)) >= len(transcripts)
    trained = np.zeros((len(is_train), len(sequences)), dtype=bool)
    trained[:, ~is_external] = list(is_train.values())
    no_class = np.zeros(len(sequences), dtype=bool)  # the votes are not looked at
    shared, _ = look_up(sequences, no_class, trained, np.tile(is_external, (len(trained), 1)))
    found = []
    for scheme, is_known in zip(is_train, shared[:, is_external], strict=True):
        unseen = external[~is_known]
        for name, size in external["source"].value_counts(sort=False).items():
            told = (unseen["source"] == name).sum()
            log.info("%s: %d of %d share no 31-mer with training (%s)", name, told, size, scheme)
        subset = unseen["source"] + UNSEEN
        found.append(pd.DataFrame({"scheme": scheme, "subset": subset, "id": unseen["id"]}))
    return pd.concat(found, ignore_index=True)[list(SUBSET_COLUMNS)].astype("string")


def pair_files(
    circrna: Sequence[tuple[str, Path]], lncrna: Sequence[tuple[str, Path]]
) -> dict[str, dict[str, Path]]:
    """Put the two files of each set together.

    Raises:
        InputError: A set lacks one of them, or has two of one label.
    """
    of = {"--circrna": circrna, "--lncrna": lncrna}
    every = sorted({name for pairs in of.values() for name, _ in pairs})
    for flag, pairs in of.items():
        names = [name for name, _ in pairs]
        for name in every:
            if names.count(name) != 1:
                problem = f"the set {name} has {names.count(name)} files"
                raise InputError(flag, problem, "give each set one of either label")
    negatives = dict(lncrna)
    return {name: {NEGATIVE: negatives[name], POSITIVE: path} for name, path in sorted(circrna)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    for label in LABELS:
        words = f"FASTA of a set's {label}s, as NAME=PATH"
        add(f"--{label.lower()}", type=named_path, nargs="+", required=True, help=words)
    add("--min-length", type=int, default=200, help="shortest sequence kept, nt")
    add("--transcripts", type=Path, required=True, help="the dataset, Parquet")
    add("--splits", type=Path, nargs="+", required=True, help="splits, each {scheme}.parquet")
    add("--output", type=Path, required=True, help="table of the sets to write")
    add("--subsets", type=Path, required=True, help="table of what is unlike training to write")


def run(args: argparse.Namespace) -> None:
    """Read the sets, and find what of them the training parts know."""
    sets = pair_files(args.circrna, args.lncrna)
    external = pd.concat(
        [read_set(name, files, args.min_length) for name, files in sets.items()], ignore_index=True
    )
    transcripts = read_table(args.transcripts, ("id", "sequence"))[["id", "sequence"]]
    is_train = {}
    for path in args.splits:
        split = read_table(path, SPLIT_COLUMNS)
        rows = with_parts(transcripts, split, args.transcripts, path)
        is_train[path.stem] = (rows["part"] == TRAIN).to_numpy(bool)
    write_table(args.subsets, find_unseen(external, transcripts, is_train))
    write_table(args.output, external)
