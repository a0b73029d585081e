"""What each seed of a run scores alone, and how far the seeds differ."""

import argparse
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from circlet.errors import InputError
from circlet.evaluation.bootstrap import add_bootstrap_arguments, check_options
from circlet.evaluation.metrics import limits_of, replicate_scores
from circlet.evaluation.predictions import load_scored, select_part
from circlet.evaluation.scores import METRICS
from circlet.files import read_table, write_table
from circlet.tables import (
    MEMBER_ABOUT,
    MODEL,
    NEGATIVE,
    POSITIVE,
    SCORE_DIGITS,
    SEEDS_MEAN,
    SEEDS_SD,
    TEST,
    VALIDATION,
)
from circlet.thresholds import choose_threshold

SEED_NAME = "seed"  # begins the name of a network
log = logging.getLogger(__name__)


def load_members(scored: pd.DataFrame, path: Path) -> dict[str, np.ndarray]:
    """Read what the members of a model say of the rows of its predictions.

    Args:
        scored: Predictions of all parts, with `id`.
        path: Table with `id` and a column of probabilities each member.

    Returns:
        Member: its probabilities, (n,), in the order of `scored`.

    Raises:
        InputError: The table lacks an id, or a value is no probability.
    """
    table = read_table(path, ("id",)).set_index("id")
    missing = ~scored["id"].isin(table.index)
    if missing.any():
        record = scored["id"][missing].iloc[0]
        raise InputError(path, "the id is missing", "make the predictions again", record)
    table = table.loc[scored["id"]]
    for name in table.columns:
        is_bad = ~table[name].between(0, 1)
        if is_bad.any():
            problem = f"{name} is not a probability"
            raise InputError(path, problem, "make the predictions again", table.index[is_bad][0])
    return {name: table[name].to_numpy(float) for name in table.columns}


def threshold_of(scored: pd.DataFrame, p_circrna: np.ndarray) -> float:
    """Choose where the calls of a member begin, on the validation part, as a model's are.

    Raises:
        InputError: The part lacks a label.
    """
    rows = select_part(scored.assign(p_circrna=p_circrna), VALIDATION, "--predictions")
    classes = (rows["label"] == POSITIVE).to_numpy(np.int64)
    return choose_threshold(rows["p_circrna"].to_numpy(float), classes)


def score_members(
    scored: pd.DataFrame,
    members: dict[str, np.ndarray],
    part: str,
    replicates: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Score the model and each of its members on a part, with intervals.

    A member's calls begin at a threshold of its own; its probabilities went through the
    calibration of the whole model, so that its `brier` and `ece` tell of that as well.

    Args:
        scored: Predictions of the model, all parts, with `group`.
        members: What each member says of the same rows.
        part: The part to score.
        replicates: Bootstrap replicates over groups.
        confidence: Of the intervals, between 0 and 1.
        seed: Seed of the bootstrap.

    Returns:
        `member`, `threshold` (missing for the model) and each metric with its limits; the model
        first, then the members, then mean and standard deviation (of a sample) over the seeds.
    """
    rows = []
    for name, p_circrna in {MODEL: None, **members}.items():
        table, threshold = scored, np.nan
        if p_circrna is not None:
            threshold = threshold_of(scored, p_circrna)
            call = np.where(p_circrna >= threshold, POSITIVE, NEGATIVE)
            table = scored.assign(p_circrna=p_circrna, call=call)
        of_part = select_part(table, part, "--predictions")
        row = {"member": name, "threshold": threshold}
        found = limits_of(of_part, replicate_scores(of_part, replicates, seed), confidence)
        for metric, (value, low, high) in found.items():
            row |= {metric: value, f"{metric}_low": low, f"{metric}_high": high}
        rows.append(row)
    table = pd.DataFrame(rows)
    of_seeds = table[table["member"].str.startswith(SEED_NAME)][list(METRICS)]
    spread = {SEEDS_MEAN: of_seeds.mean(), SEEDS_SD: of_seeds.std(ddof=1)}
    told = [{"member": name, **values} for name, values in spread.items()]
    return pd.concat([table, pd.DataFrame(told)], ignore_index=True)[list(table)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--predictions", type=Path, required=True, help="predictions of the run")
    add("--members", type=Path, required=True, help="what each member says alone, Parquet")
    add("--split", type=Path, required=True, help="table of groups and parts")
    add("--name", required=True, help="name of the run")
    add("--scheme", required=True, help="name of the split scheme")
    add("--part", choices=(VALIDATION, TEST), default=TEST, help="the part to score")
    add_bootstrap_arguments(parser)
    add("--output", type=Path, required=True, help="table to write")


def run(args: argparse.Namespace) -> None:
    """Score the members of a run and write `seeds.tsv`."""
    check_options(args.replicates, args.confidence)
    scored = load_scored(args.predictions, args.split)
    members = load_members(scored, args.members)
    options = (args.part, args.replicates, args.confidence, args.seed)
    table = score_members(scored, members, *options)
    table = table.assign(name=args.name, scheme=args.scheme, part=args.part)
    scores = [column for column in table if column not in MEMBER_ABOUT]
    write_table(args.output, table[[*MEMBER_ABOUT, *scores]], SCORE_DIGITS)
    told = table.set_index("member")["auroc"]
    log.info(
        "%s: AUROC %.4f; its seeds alone %.4f, standard deviation %.4f",
        args.name,
        *told[[MODEL, SEEDS_MEAN, SEEDS_SD]],
    )
