"""Scores of one set of predictions on one part of a split, with intervals."""

import argparse
import logging
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from circlet.arguments import seed
from circlet.errors import InputError
from circlet.evaluation.bootstrap import (
    check_options,
    rarer_class_groups,
    score_interval,
    two_class_weights,
)
from circlet.evaluation.predictions import read_predictions, select_part
from circlet.evaluation.scores import confusion, weighted_metrics
from circlet.files import read_table, write_json
from circlet.parts import with_parts
from circlet.tables import HARD, LABELS, NEGATIVE, PARTS, POSITIVE, SPLIT_COLUMNS

log = logging.getLogger(__name__)


def replicate_scores(scored: pd.DataFrame, replicates: int, seed: int) -> pd.DataFrame:
    """Score predictions, as they are and in each replicate of a bootstrap over groups.

    The draws depend on seed, labels and groups alone: sets of predictions for the same rows, in
    any order, meet the same replicates, and their scores are paired row by row.

    Args:
        scored: Rows with `label`, `call`, `p_circrna` and `group`; both labels occur.
        replicates: Bootstrap replicates; those that lack a class are left out.
        seed: Seed of the bootstrap.

    Returns:
        A column a metric. The first row is of the rows as they are, each other of a replicate.
    """
    truth = (scored["label"] == POSITIVE).to_numpy(bool)
    called = (scored["call"] == POSITIVE).to_numpy(bool)
    # Numbered in sorted order, so that the order of the rows does not matter.
    groups, _ = pd.factorize(scored["group"], sort=True)
    measure = partial(weighted_metrics, truth, called, scored["p_circrna"].to_numpy(float))
    once = np.ones((1, len(scored)))
    weights = chain([once], two_class_weights(truth, groups, replicates, seed))
    return pd.concat([pd.DataFrame(measure(drawn)) for drawn in weights], ignore_index=True)


def evaluate(scored: pd.DataFrame, replicates: int, confidence: float, seed: int) -> dict[str, Any]:
    """Score predictions, with intervals from a bootstrap over groups, see `score_interval`.

    A replicate that lacks a class defines no sensitivity, specificity or AUROC: it is left out of
    all intervals, and counted.

    Args:
        scored: Rows of one part with `label`, `call`, `p_circrna` and `group`; both labels occur.
        replicates: Bootstrap replicates, at least 1.
        confidence: Of the intervals, between 0 and 1.
        seed: Seed of the bootstrap.

    Returns:
        `counts`, `bootstrap`, `confusion` and `metrics`, as `metrics.json` has them; limits are
        None where a class has a single group, or there is a single replicate.

    Raises:
        InputError: No replicate had both classes.
    """
    scores = replicate_scores(scored, replicates, seed)
    drawn = scores[1:]
    if drawn.empty:
        raise InputError(
            "--replicates",
            f"none of {replicates} bootstrap replicates had both {' and '.join(LABELS)}",
            "give more",
        )
    truth, called = ((scored[name] == POSITIVE).to_numpy(bool) for name in ("label", "call"))
    n_groups, metrics = rarer_class_groups(truth, scored["group"].to_numpy()), {}
    for name in scores:
        value, replicated = float(scores[name][0]), drawn[name].to_numpy()
        limits = score_interval(name, value, replicated, n_groups, confidence)
        low, high = (None if np.isnan(limit) else limit for limit in limits)
        metrics[name] = {"value": value, "low": low, "high": high}
    cells = confusion(truth, called, np.ones((1, len(scored))))
    return {
        "counts": {
            POSITIVE: int(truth.sum()),
            NEGATIVE: int((~truth).sum()),
            "groups": scored["group"].nunique(),
        },
        "bootstrap": {
            "unit": "group",
            "replicates": replicates,
            "confidence": confidence,
            "seed": seed,
            "undefined_replicates": replicates - len(drawn),
        },
        "confusion": {name: int(rows[0]) for name, rows in cells.items()},
        "metrics": metrics,
    }


def load_scored(predictions_path: Path, split_path: Path) -> pd.DataFrame:
    """Read predictions with the groups of their rows, all parts.

    Raises:
        InputError: A prediction is not usable, the tables do not fit each other, or the
            predictions were made with another split.
    """
    predictions = read_predictions(predictions_path)
    scored = with_parts(
        predictions, read_table(split_path, SPLIT_COLUMNS), predictions_path, split_path
    )
    other_part = predictions["part"].to_numpy() != scored["part"].to_numpy()
    if other_part.any():
        raise InputError(
            predictions_path,
            f"part is another than in {split_path}",
            "make the predictions again",
            scored["id"][other_part].iloc[0],
        )
    return scored


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--predictions", type=Path, required=True, help="table of predictions")
    parser.add_argument("--split", type=Path, required=True, help="table of groups and parts")
    parser.add_argument("--part", choices=(*PARTS, HARD), default="test", help="the part to score")
    parser.add_argument("--name", required=True, help="name of the run or baseline")
    parser.add_argument("--kind", choices=("run", "baseline"), required=True, help="which it is")
    parser.add_argument("--scheme", required=True, help="name of the split scheme")
    parser.add_argument("--replicates", type=int, default=1000, help="bootstrap replicates")
    parser.add_argument("--confidence", type=float, default=0.95, help="of the intervals, 0 to 1")
    parser.add_argument("--seed", type=seed, default=0, help="seed of the bootstrap")
    parser.add_argument("--output", type=Path, required=True, help="metrics as JSON to write")


def run(args: argparse.Namespace) -> None:
    """Score one set of predictions and write `metrics.json`."""
    check_options(args.replicates, args.confidence)
    scored = load_scored(args.predictions, args.split)
    scored = select_part(scored, args.part, args.predictions)
    found = evaluate(scored, args.replicates, args.confidence, args.seed)
    about = {name: getattr(args, name) for name in ("name", "kind", "scheme", "part")}
    write_json(args.output, {**about, **found})
    if undefined := found["bootstrap"]["undefined_replicates"]:
        log.warning(
            "%s: %d of %d bootstrap replicates lacked a class and were left out",
            args.name,
            undefined,
            args.replicates,
        )
    log.info(
        "%s: AUROC %.3f on the part %s", args.name, found["metrics"]["auroc"]["value"], args.part
    )
