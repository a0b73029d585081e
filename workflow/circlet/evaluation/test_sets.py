"""The test sets that predictions are scored on: a part, subsets of it, and hard negatives."""

import argparse
import logging
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from circlet.descriptors import describe
from circlet.errors import InputError
from circlet.evaluation.baselines import load_transcripts
from circlet.evaluation.predictions import load_scored, select_part
from circlet.evaluation.subsets import choose_subsets
from circlet.files import read_table
from circlet.tables import EXTERNAL, HARD, LABELS, SUBSET_COLUMNS, TEST, VALIDATION

log = logging.getLogger(__name__)


def choose_test_sets(
    scored: pd.DataFrame, part: str, subsets: Mapping[str, pd.Series], path: Path
) -> dict[str, pd.Index]:
    """Choose the rows of each test set: the part, its subsets, and `hard` beside the test part.

    A subset without one of the classes is left out, with a warning.

    Args:
        scored: Predictions of all parts, with `id`, `label` and `part`.
        part: Name of the part.
        subsets: Ids of each subset of the part.
        path: File of the predictions, for messages.

    Returns:
        Test set: index of its rows.

    Raises:
        InputError: The part lacks a label.
    """
    rows = select_part(scored, part, path)
    found = {part: rows.index}
    for name, ids in subsets.items():
        chosen = rows[rows["id"].isin(ids)]
        if set(chosen["label"]) == set(LABELS):
            found[name] = chosen.index
        else:
            log.warning("The subset %s lacks a class and is left out", name)
    if part == TEST and (scored["part"] == HARD).any():
        found[HARD] = select_part(scored, HARD, path).index
    return found


def read_subsets(path: Path, scheme: str, scored: pd.DataFrame) -> dict[str, pd.Series]:
    """Read the ids of each subset of a scheme's test part; there are none for another split.

    Raises:
        InputError: A row is not of the test part.
    """
    table = read_table(path, SUBSET_COLUMNS)
    rows = table[table["scheme"] == scheme]
    if rows.empty:
        log.info("%s has no subsets of the split %s", path, scheme)
    is_of_part = rows["id"].isin(scored["id"][scored["part"] == TEST])
    if not is_of_part.all():
        raise InputError(
            path,
            f"not in the part {TEST} of the split {scheme}",
            "make subsets and split of one dataset",
            rows["id"][~is_of_part].iloc[0],
        )
    return dict(iter(rows.groupby("subset", sort=False)["id"]))


def subsets_of_validation(
    transcripts_path: Path, split_path: Path, seed: int
) -> dict[str, pd.Series]:
    """Choose the ids of the subsets of the validation part, as those of a test part are.

    Raises:
        InputError: A table is not usable, see `load_transcripts`.
    """
    rows = load_transcripts(transcripts_path, split_path)
    rows = rows[rows["part"] == VALIDATION]
    descriptors = describe(rows["sequence"].tolist())
    chosen = choose_subsets(rows, descriptors, seed)
    return {name: rows["id"].iloc[places] for name, places in chosen.items()}


def add_subset_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `load_subsets` reads."""
    add = parser.add_argument
    add("--subsets", type=Path, help="table of subsets of the test parts, for the part test")
    add("--transcripts", type=Path, help="the dataset, for the subsets of the part validation")


def load_subsets(args: argparse.Namespace, scored: pd.DataFrame) -> dict[str, pd.Series]:
    """Give the ids of each subset of the part that is scored; none where no table is given.

    Args:
        args: With `part`, `scheme`, `split`, `seed` and what `add_subset_arguments` adds.
        scored: Predictions of all parts, with `id` and `part`.

    Raises:
        InputError: A table is not usable, or of another dataset.
    """
    if args.part == TEST and args.subsets:
        return read_subsets(args.subsets, args.scheme, scored)
    if args.part == VALIDATION and args.transcripts:
        return subsets_of_validation(args.transcripts, args.split, args.seed)
    return {}


def part_of(test_set: str, part: str, external: Collection[str]) -> str:
    """Where the rows of a test set that are no circRNAs of the dataset come from."""
    if test_set in external:
        return EXTERNAL
    return HARD if test_set == HARD else part


def load_external(
    predictions: Path, transcripts: Path, subsets: Path, scheme: str
) -> dict[str, pd.DataFrame]:
    """Read the predictions for a user's labelled sets, and divide them.

    Args:
        predictions: For all external sequences.
        transcripts: The sequences, with `group` and `part`.
        subsets: Which of them are unlike the training part, see `circlet.tables`.
        scheme: Of the split that the predictions were trained under.

    Returns:
        Name of each set, and of its subset: its rows, as `load_scored` gives them. A subset that
        lacks a class is left out, with a warning.

    Raises:
        InputError: A table is not usable, or they do not fit each other.
    """
    scored = load_scored(predictions, transcripts)
    table = read_table(subsets, SUBSET_COLUMNS)
    chosen = {str(name): rows["id"] for name, rows in scored.groupby("source", sort=True)}
    rows_of = table[table["scheme"] == scheme].groupby("subset", sort=True)["id"]
    chosen |= {str(name): ids for name, ids in rows_of}
    found = {name: scored[scored["id"].isin(ids)] for name, ids in sorted(chosen.items())}
    for name in [name for name, rows in found.items() if set(rows["label"]) != set(LABELS)]:
        log.warning("The external set %s lacks a class and is left out", name)
        del found[name]
    return found
