"""Scores of one set of predictions on one part of a split, with intervals."""

import argparse
import logging
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from circlet.errors import InputError
from circlet.evaluation.bootstrap import (
    add_bootstrap_arguments,
    check_options,
    rarer_class_groups,
    score_interval,
    two_class_weights,
)
from circlet.evaluation.predictions import load_scored, select_part
from circlet.evaluation.scores import confusion, weighted_metrics
from circlet.evaluation.test_sets import (
    add_subset_arguments,
    choose_test_sets,
    load_external,
    load_subsets,
    part_of,
)
from circlet.files import write_json
from circlet.tables import LABELS, NEGATIVE, PARTS, POSITIVE

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


def limits_of(
    scored: pd.DataFrame, scores: pd.DataFrame, confidence: float
) -> dict[str, tuple[float, float, float]]:
    """Give each metric with its interval, see `score_interval`.

    Args:
        scored: Rows with `label` and `group`.
        scores: What `replicate_scores` gave for them.
        confidence: Of the intervals, between 0 and 1.

    Returns:
        Metric: its value and the limits, which are NaN where there is no interval.
    """
    truth = (scored["label"] == POSITIVE).to_numpy(bool)
    n_groups = rarer_class_groups(truth, scored["group"].to_numpy())
    found = {}
    for name in scores.columns:
        value, drawn = float(scores[name][0]), scores[name][1:].to_numpy()
        found[name] = value, *score_interval(name, value, drawn, n_groups, confidence)
    return found


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
    metrics = {}
    for name, (value, *limits) in limits_of(scored, scores, confidence).items():
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--predictions", type=Path, required=True, help="table of predictions")
    add("--split", type=Path, required=True, help="table of groups and parts")
    add("--part", choices=PARTS, default="test", help="the part to score")
    add("--external", type=Path, help="predictions for external sets")
    add("--external-transcripts", type=Path, help="table of the external sets")
    add("--external-subsets", type=Path, help="table of what is unlike the training part")
    add("--name", required=True, help="name of the run or baseline")
    add("--kind", choices=("run", "baseline"), required=True, help="which it is")
    add("--scheme", required=True, help="name of the split scheme")
    add_bootstrap_arguments(parser, "bootstrap and matching")
    add_subset_arguments(parser)
    add("--output", type=Path, required=True, help="metrics of the part as JSON to write")
    add("--test-sets", type=Path, help="metrics of the other test sets, as a JSON list to write")


def load_test_sets(args: argparse.Namespace) -> tuple[dict[str, pd.DataFrame], set[str]]:
    """Read the rows of each test set, the part first, and tell which of them are external.

    Only the part is read where the metrics of the others are not asked for.

    Raises:
        InputError: A table is not usable, tables do not fit each other, or the part lacks a label.
    """
    scored = load_scored(args.predictions, args.split)
    if not args.test_sets:
        return {args.part: select_part(scored, args.part, args.predictions)}, set()
    subsets = load_subsets(args, scored)
    chosen = choose_test_sets(scored, args.part, subsets, args.predictions)
    found, external = {name: scored.loc[index] for name, index in chosen.items()}, {}
    if args.external:
        tables = (args.external, args.external_transcripts, args.external_subsets)
        if None in tables:
            raise InputError(
                "--external",
                "lacks the tables that tell of its sequences",
                "give --external-transcripts and --external-subsets",
            )
        external = load_external(*tables, args.scheme)
    return found | external, set(external)


def run(args: argparse.Namespace) -> None:
    """Score one set of predictions on each test set; write `metrics.json`, `test_sets.json`."""
    check_options(args.replicates, args.confidence)
    test_sets, external = load_test_sets(args)
    entries = []
    for test_set, rows in test_sets.items():
        about = {"name": args.name, "kind": args.kind, "scheme": args.scheme}
        about |= {"part": part_of(test_set, args.part, external), "test_set": test_set}
        entries.append(about | evaluate(rows, args.replicates, args.confidence, args.seed))
        tell(entries[-1])
    write_json(args.output, entries[0])
    if args.test_sets:
        write_json(args.test_sets, entries[1:])


def tell(entry: dict[str, Any]) -> None:
    """Log what a set of predictions scored on a test set."""
    name, test_set, bootstrap = entry["name"], entry["test_set"], entry["bootstrap"]
    if undefined := bootstrap["undefined_replicates"]:
        log.warning(
            "%s on %s: %d of %d bootstrap replicates lacked a class and were left out",
            name,
            test_set,
            undefined,
            bootstrap["replicates"],
        )
    log.info("%s: AUROC %.3f on %s", name, entry["metrics"]["auroc"]["value"], test_set)
