"""Gather a cross-validation: the folds' scores, their spread, and the pooled scores.

What the table says, and what not:

- The models of two folds share most of their training data, so their scores are not independent:
  the standard deviation over folds is no standard error of the mean, nor is there an unbiased one
  (Bengio and Grandvalet 2004, J. Mach. Learn. Res. 5:1089). It tells how far a score moves with
  the transcripts that are learned from and tested. The mean weighs all folds alike.
- Each fold has a threshold of the call and a calibration of its own, chosen on its validation part
  (the next fold), and its calls are pooled as they are.
- Pooled, every transcript counts once, classified by the model that did not learn from it. The
  ranking metrics then compare probabilities of different models, which the mean over folds does not
  (Forman and Scholz 2010, SIGKDD Explor. 12:49): where both differ, the folds' models do not agree
  on what a probability means.
- Intervals, pooled ones too, are of a bootstrap over groups with the models as they are: another
  training would move the scores beyond that.
"""

import argparse
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from circlet.errors import InputError
from circlet.evaluation.bootstrap import add_bootstrap_arguments, check_options
from circlet.evaluation.comparison import COUNT_COLUMNS, SCORE_COLUMNS, rows_of
from circlet.evaluation.metrics import limits_of, replicate_scores
from circlet.evaluation.predictions import load_scored, select_part
from circlet.evaluation.scores import METRICS
from circlet.files import read_table, write_table
from circlet.tables import (
    FOLD_ABOUT,
    FOLD_COLUMNS,
    FOLDS_MEAN,
    FOLDS_SD,
    NEGATIVE,
    POOLED,
    POSITIVE,
    SCORE_DIGITS,
    TEST,
    VALIDATION,
)

log = logging.getLogger(__name__)


def load_fold(predictions: Path, split: Path, fold: int, part: str) -> pd.DataFrame:
    """Read the predictions for the part of a fold's split that is scored, with their groups.

    Raises:
        InputError: A table is not usable, or the split tests another fold.
    """
    table = read_table(split, FOLD_COLUMNS)
    tested = sorted(set(table["fold"][table["part"] == TEST]))
    if tested != [fold]:
        raise InputError(
            split, f"it tests the folds {tested}, not {fold}", "give the files of each fold in turn"
        )
    return select_part(load_scored(predictions, split), part, predictions)


def pool(folds: Sequence[pd.DataFrame], n_folds: int, place: str) -> pd.DataFrame:
    """Put the rows that the folds' models are scored on together.

    Args:
        folds: Rows of each fold with `id` and `group`.
        n_folds: How many folds the transcripts were divided into.
        place: Of the folds, for messages.

    Raises:
        InputError: A fold is missing, or a transcript or group is scored in two of them.
    """
    if len(folds) != n_folds:
        raise InputError(place, f"{len(folds)} of {n_folds} folds", "give all of them, in order")
    pooled = pd.concat(folds, ignore_index=True)
    number = pd.Series([fold for fold, rows in enumerate(folds) for _ in range(len(rows))])
    for name in ("id", "group"):
        in_folds = number.groupby(pooled[name]).nunique()
        if (in_folds > 1).any():
            mend = "make all of them from one split"
            raise InputError(place, f"the {name} is in two folds", mend, str(in_folds.idxmax()))
    return pooled


def score_pooled(
    pooled: pd.DataFrame, replicates: int, confidence: float, seed: int
) -> dict[str, Any]:
    """Score the pooled rows as they are called, with intervals.

    Args:
        pooled: Rows with `label`, `call`, `p_circrna` and `group`.
        replicates: Bootstrap replicates over groups.
        confidence: Of the intervals, between 0 and 1.
        seed: Seed of the bootstrap.

    Returns:
        The counts, and each metric with its `_low` and `_high`.
    """
    row: dict[str, float] = {
        "n_circrna": int((pooled["label"] == POSITIVE).sum()),
        "n_lncrna": int((pooled["label"] == NEGATIVE).sum()),
        "n_groups": pooled["group"].nunique(),
    }
    found = limits_of(pooled, replicate_scores(pooled, replicates, seed), confidence)
    for metric, (value, low, high) in found.items():
        row |= {metric: value, f"{metric}_low": low, f"{metric}_high": high}
    return row


def read_scores(path: Path, fold: int, part: str, scored: pd.DataFrame) -> dict[str, Any]:
    """Read what was measured on a fold as a row of the table.

    Args:
        path: Its `metrics.json`.
        fold: Number of the fold.
        part: The part that is scored.
        scored: Rows of that part.

    Raises:
        InputError: The file is not one of metrics, or not of these rows.
    """
    rows = rows_of(path)
    counts = len(scored), scored["group"].nunique()
    found = [(row["part"], row["n_circrna"] + row["n_lncrna"], row["n_groups"]) for row in rows]
    if found != [(part, *counts)]:
        raise InputError(
            path, f"not of the part {part} of the fold {fold}", "evaluate its predictions again"
        )
    return rows[0] | {"fold": str(fold)}


def lay_out(folds: Sequence[dict[str, Any]], pooled: dict[str, Any]) -> pd.DataFrame:
    """Make the table: the folds in order, their mean and standard deviation, and the pooled row.

    Args:
        folds: What each fold scored, with `fold`.
        pooled: What all of them did together.

    Returns:
        `fold`, the counts (missing where there are none) and each metric with its limits. The
        standard deviation is of a sample, and of the folds' scores, see the module.
    """
    of_folds = pd.DataFrame(folds)
    spread = [
        {"fold": name, **values}
        for name, values in (
            (FOLDS_MEAN, of_folds[list(METRICS)].mean()),
            (FOLDS_SD, of_folds[list(METRICS)].std(ddof=1)),
        )
    ]
    table = pd.DataFrame([*folds, *spread, {"fold": POOLED, **pooled}])
    return table.astype(dict.fromkeys(COUNT_COLUMNS, "Int64"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add_each = partial(add, type=Path, nargs="+", required=True)
    add_each("--metrics", help="metrics of each fold, in order")
    add_each("--predictions", help="predictions of each fold's model, in order")
    add_each("--splits", help="each fold's table of groups and parts, in order")
    add("--name", required=True, help="name of the run")
    add("--scheme", required=True, help="name of the split scheme")
    add("--part", choices=(VALIDATION, TEST), default=TEST, help="the part that is scored")
    add_bootstrap_arguments(parser)
    add("--output", type=Path, required=True, help="table to write")


def run(args: argparse.Namespace) -> None:
    """Gather the folds of a run and write `folds.tsv`."""
    check_options(args.replicates, args.confidence)
    if not len(args.metrics) == len(args.predictions) == len(args.splits):
        raise InputError("--splits", "not as many files for each fold", "give one of each kind")
    scored = [
        load_fold(*files, fold, args.part)
        for fold, files in enumerate(zip(args.predictions, args.splits, strict=True))
    ]
    folds = [
        read_scores(path, fold, args.part, rows)
        for fold, (path, rows) in enumerate(zip(args.metrics, scored, strict=True))
    ]
    n_folds = int(read_table(args.splits[0], FOLD_COLUMNS)["fold"].max()) + 1
    pooled = pool(scored, n_folds, "--predictions")
    row = score_pooled(pooled, args.replicates, args.confidence, args.seed)
    table = lay_out(folds, row).assign(name=args.name, scheme=args.scheme, part=args.part)
    write_table(args.output, table[[*FOLD_ABOUT, *SCORE_COLUMNS]], SCORE_DIGITS)
    tell(table, args.name)


def tell(table: pd.DataFrame, name: str) -> None:
    """Log the scores of a cross-validation in short."""
    rows = table.set_index("fold")
    for metric in ("mcc", "auroc"):
        log.info(
            "%s: %s %.4f, mean of %d folds, standard deviation %.4f; pooled %.4f [%.4f, %.4f]",
            name,
            metric.upper(),
            rows.loc[FOLDS_MEAN, metric],
            len(table) - 3,
            rows.loc[FOLDS_SD, metric],
            *rows.loc[POOLED, [metric, f"{metric}_low", f"{metric}_high"]],
        )
