"""Make another split of a scheme's: one fold held out, or hard negatives trained on."""

import argparse
import logging
from pathlib import Path

import pandas as pd

from circlet.data.splits import check_split, lack_of_folds, parts_of
from circlet.errors import InputError
from circlet.files import read_table, write_table
from circlet.tables import (
    DATASET_COLUMNS,
    FOLD_COLUMNS,
    HARD,
    NEGATIVE,
    PARTS,
    TEST,
    TRAIN,
    UNUSED,
    VALIDATION,
    is_hard_negative,
)

MODES = ALSO, ONLY = ("also", "only")  # how a run trains on hard negatives

log = logging.getLogger(__name__)


def hold_out_fold(split: pd.DataFrame, fold: int) -> pd.Series:
    """Give each group the part it has when a fold is tested; the next fold validates.

    Args:
        split: A table with `FOLD_COLUMNS`.
        fold: Number of the fold, from 0.

    Raises:
        InputError: There is no such fold, or no third one to train on.
    """
    folds = int(split["fold"].max()) + 1
    if not 0 <= fold < folds or folds < 3:
        raise InputError(
            "--fold", f"{fold} of {folds} folds", "give one from 0 up, of three folds or more"
        )
    parts = pd.Series(TRAIN, index=split.index, dtype="string")
    parts[split["fold"] == (fold + 1) % folds] = VALIDATION
    parts[split["fold"] == fold] = TEST
    return parts


def check_folds(split: pd.DataFrame, labels: pd.Series, folds: int | None) -> None:
    """Refuse folds of which one has no transcript of a class, although another may be tested.

    Args:
        split: A table with `FOLD_COLUMNS`.
        labels: The label of each row.
        folds: How many were asked for; None for as many as there are.

    Raises:
        InputError: A fold lacks a class, or there are more than were asked for.
    """
    there = int(split["fold"].max()) + 1
    asked = there if folds is None else folds
    if asked < there:
        raise InputError("--folds", f"{asked}, but the split has {there}", "give their number")
    if lack := lack_of_folds(split, labels, asked):
        raise InputError(
            "dataset", lack, "use more data, fewer split.folds or another split scheme"
        )


def vary(split: pd.DataFrame, fold: int | None, hard_negatives: bool) -> pd.DataFrame:
    """Give a split other parts; groups and folds stay.

    Args:
        split: A table with `FOLD_COLUMNS`.
        fold: The fold to test on, or None to keep the parts of the groups.
        hard_negatives: Whether to train on hard negatives.

    Raises:
        InputError: See `hold_out_fold`.
    """
    is_hard = split["part"].isin([HARD, UNUSED]).to_numpy(bool)
    group_part = split["group_part"] if fold is None else hold_out_fold(split, fold)
    part = parts_of(group_part, is_hard, hard_negatives)
    return split.assign(part=part, group_part=group_part)


def without_lncrnas(split: pd.DataFrame, is_lncrna: pd.Series) -> pd.DataFrame:
    """Leave lncRNAs out of training and validation, where hard negatives stand for them.

    Args:
        split: A table with `FOLD_COLUMNS` whose hard negatives are trained on.
        is_lncrna: Whether each row is a lncRNA that is no hard negative, bool.
    """
    is_left_out = split["part"].isin([TRAIN, VALIDATION]) & is_lncrna
    return split.assign(part=split["part"].mask(is_left_out, UNUSED))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--transcripts", required=True, help="the dataset, Parquet")
    parser.add_argument("--split", required=True, help="made by circlet split")
    parser.add_argument("--fold", type=int, help="the fold that is the test part")
    parser.add_argument(
        "--folds",
        type=int,
        help="how many folds the split was asked for, each of which needs both classes;"
        " by default as many as are not empty",
    )
    parser.add_argument(
        "--hard-negatives",
        choices=MODES,
        help="train on hard negatives as well, or on them only and on no lncRNA",
    )
    parser.add_argument("--output", required=True, help="the varied split, Parquet")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    split = read_table(args.split, FOLD_COLUMNS)
    table = read_table(args.transcripts, DATASET_COLUMNS)
    if list(split["id"]) != list(table["id"]):
        raise InputError(args.split, f"is not of {args.transcripts}", "make it again")
    if (is_hard_negative(table) & split["part"].isin(PARTS)).any():
        raise InputError(
            args.split, "is itself trained on hard negatives", "give the split that it was made of"
        )
    if args.fold is not None:
        check_folds(split, table["label"], args.folds)
    varied = vary(split, args.fold, args.hard_negatives is not None)
    if args.hard_negatives == ONLY:
        is_lncrna = (table["label"] == NEGATIVE) & ~is_hard_negative(table)
        varied = without_lncrnas(varied, is_lncrna)
    check_split(varied, table["label"], Path(args.output).stem)
    write_table(args.output, varied)
