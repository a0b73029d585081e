"""Scores by stratum, which tell where a model can be trusted, and its most confident mistakes."""

import argparse
import itertools
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from circlet.descriptors import describe
from circlet.errors import InputError
from circlet.evaluation.bootstrap import add_bootstrap_arguments, check_options
from circlet.evaluation.metrics import limits_of, replicate_scores
from circlet.evaluation.predictions import load_scored, select_part
from circlet.files import read_table, write_table
from circlet.tables import (
    DATASET_COLUMNS,
    HARD,
    MISTAKE_COLUMNS,
    POSITIVE,
    RELATIONS,
    RELATIVE_COLUMNS,
    SCORE_DIGITS,
    STRATUM_COLUMNS,
    STRATUM_METRICS,
    TEST,
    VALIDATION,
)

# Where a stratum of each number begins, after the first.
EDGES = {
    "length": (300, 500, 1000, 2000, 4000),  # nt
    "stop_free": (0.25, 0.5, 0.75, 0.9),  # longest stretch, linear / length
    "gc": (0.4, 0.5, 0.6),
    "exon_count": (2, 3, 4, 6, 11),
}
WHOLE = ("length", "exon_count")  # numbers that are counted, not measured
NAMED = ("biotype", "chrom", "source", *RELATIONS)
# Those that are of one class: a stratum is scored against the whole other class.
OF_ONE_CLASS = ("biotype", "source")
UNKNOWN = "unknown"
LEAST = 10  # of either class: fewer make no score

log = logging.getLogger(__name__)


def bin_names(edges: Sequence[float], is_whole: bool) -> list[str]:
    """Name the intervals between edges, the first and the last of which are open."""
    if not is_whole:
        inner = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(edges)]
        return [f"below {edges[0]:g}", *inner, f"{edges[-1]:g} and more"]
    ends = [(low, high - 1) for low, high in itertools.pairwise(edges)]
    inner = [f"{low}" if low == high else f"{low} to {high}" for low, high in ends]
    first = f"{edges[0] - 1}" if edges[0] == 2 else f"up to {edges[0] - 1}"
    return [first, *inner, f"{edges[-1]} and more"]


def natural(name: str) -> list[tuple[int, int, str]]:
    """Key that sorts names by the numbers in them: chr2 before chr10."""
    words = re.findall(r"\d+|\D+", name)
    return [(0, int(word), "") if word.isdigit() else (1, 0, word) for word in words]


def describe_rows(transcripts: pd.DataFrame) -> pd.DataFrame:
    """What strata are made of: the transcripts with `length`, `stop_free` and `gc`."""
    sequences = transcripts["sequence"].tolist()
    descriptors = describe(sequences)
    return transcripts.assign(
        length=[len(sequence) for sequence in sequences],
        stop_free=descriptors["stop_free_linear_1"].to_numpy(),
        gc=descriptors["gc"].to_numpy(),
    )


def strata_of(rows: pd.DataFrame) -> Iterator[tuple[str, str, np.ndarray]]:
    """Divide rows by each of their descriptions.

    Args:
        rows: Transcripts with the columns of `EDGES`, and those of `NAMED` that are known.

    Yields:
        The description, the name of the stratum and whether each row is in it; strata of a number
        in ascending order, what is not known last, and no empty ones.
    """
    for column, edges in EDGES.items():
        names = bin_names(edges, column in WHOLE)
        values = rows[column].astype("Float64").to_numpy(float, na_value=np.nan)
        places = np.where(np.isnan(values), len(names), np.digitize(values, edges))
        for place, name in enumerate([*names, UNKNOWN]):
            if (places == place).any():
                yield column, name, places == place
    for column in rows.columns.intersection(list(NAMED)):
        words: np.ndarray = rows[column].fillna(UNKNOWN).astype(str).to_numpy(object)
        for name in sorted(set(words), key=lambda name: (name == UNKNOWN, natural(name))):
            yield column, name, words == name


def score_stratum(
    rows: pd.DataFrame, replicates: int, confidence: float, seed: int
) -> dict[str, float]:
    """Count the rows of a stratum and its mistakes, and score it where both classes are enough.

    Args:
        rows: With `label`, `call`, `p_circrna` and `group`.
        replicates: Bootstrap replicates over groups.
        confidence: Of the intervals, between 0 and 1.
        seed: Seed of the bootstrap.

    Returns:
        The `STRATUM_COLUMNS` from `n_circrna` on; NaN where there is no score, or no interval.
    """
    is_circrna = (rows["label"] == POSITIVE).to_numpy(bool)
    is_wrong = (rows["label"] != rows["call"]).to_numpy(bool)
    found: dict[str, float] = {
        "n_circrna": int(is_circrna.sum()),
        "n_lncrna": int((~is_circrna).sum()),
        "n_groups": rows["group"].nunique(),
        "false_negatives": int((is_wrong & is_circrna).sum()),
        "false_positives": int((is_wrong & ~is_circrna).sum()),
    }
    limits = [f"{metric}{end}" for metric in STRATUM_METRICS for end in ("", "_low", "_high")]
    found |= dict.fromkeys(limits, np.nan)
    if min(found["n_circrna"], found["n_lncrna"]) < LEAST:
        return found
    scores = replicate_scores(rows, replicates, seed)[list(STRATUM_METRICS)]
    for metric, (value, low, high) in limits_of(rows, scores, confidence).items():
        found |= {metric: value, f"{metric}_low": low, f"{metric}_high": high}
    return found


def score_strata(
    rows: pd.DataFrame, replicates: int, confidence: float, seed: int
) -> list[dict[str, float | str]]:
    """Score all strata, and all rows first; arguments as `score_stratum` and `strata_of`."""
    options = (replicates, confidence, seed)
    found = [{"description": "all", "stratum": "all"} | score_stratum(rows, *options)]
    is_circrna = (rows["label"] == POSITIVE).to_numpy(bool)
    for description, name, is_in in strata_of(rows):
        chosen = is_in
        if description in OF_ONE_CLASS and len(set(is_circrna[is_in])) == 1:
            chosen = is_in | (is_circrna != is_circrna[is_in][0])
        if chosen.all():  # nothing but what 'all' tells
            continue
        about = {"description": description, "stratum": name}
        found.append(about | score_stratum(rows[chosen], *options))
    return found


def find_mistakes(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Choose the mistakes of which a model is surest, of either class.

    Args:
        rows: With `MISTAKE_COLUMNS` from `id` on, save `doubt`, and `call`.
        most: How many of each class.

    Returns:
        circRNAs first, the surest first, ties by id; `doubt` is the probability that the model
        leaves to the truth.
    """
    wrong = rows[rows["label"] != rows["call"]]
    p_circrna = wrong["p_circrna"]
    wrong = wrong.assign(doubt=p_circrna.where(wrong["label"] == POSITIVE, 1 - p_circrna))
    wrong = wrong.sort_values(["label", "doubt", "id"])
    return wrong.groupby("label", sort=True).head(most)


def add_relatives(rows: pd.DataFrame, path: Path, scheme: str) -> pd.DataFrame:
    """Tell of each row whether it has a relative in training: `yes`, `no` or missing.

    Args:
        rows: Of a test part, with `id`.
        path: Table with `RELATIVE_COLUMNS`.
        scheme: Of the split; where it was not audited, nothing is added.
    """
    table = read_table(path, RELATIVE_COLUMNS)
    relatives = table[table["scheme"] == scheme].set_index("id")
    if relatives.empty:
        log.info("%s has no relatives of the split %s", path, scheme)
        return rows
    words = relatives[list(RELATIONS)].astype(object).map({True: "yes", False: "no"}.get)
    return rows.join(words, on="id")


def load_rows(predictions: Path, split: Path, transcripts: Path, part: str) -> pd.DataFrame:
    """Read the predictions of a part, with what is known of its transcripts.

    Raises:
        InputError: A table is not usable, they do not fit each other, or the part lacks a label.
    """
    scored = select_part(load_scored(predictions, split), part, predictions)
    known = read_table(transcripts, DATASET_COLUMNS).set_index("id")
    missing = ~scored["id"].isin(known.index)
    if missing.any():
        raise InputError(
            transcripts,
            f"lacks a transcript of {predictions}",
            "make both of one dataset",
            scored["id"][missing].iloc[0],
        )
    known = describe_rows(known.loc[scored["id"]].reset_index())
    own = ["label", "source", "length"]
    return scored.drop(columns=own).reset_index(drop=True).merge(known, on="id")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--predictions", type=Path, required=True, help="predictions of the run")
    add("--split", type=Path, required=True, help="table of groups and parts")
    add("--transcripts", type=Path, required=True, help="the dataset, Parquet")
    add("--relatives", type=Path, help="relatives of the test parts in training, Parquet")
    add("--name", required=True, help="name of the run")
    add("--scheme", required=True, help="name of the split scheme")
    add("--part", choices=(VALIDATION, TEST, HARD), default=TEST, help="the part to score")
    add("--mistakes", type=int, default=20, help="most mistakes of each class that are told")
    add_bootstrap_arguments(parser)
    add("--output", type=Path, required=True, help="table of strata to write")
    add("--mistakes-output", type=Path, required=True, help="table of mistakes to write")


def run(args: argparse.Namespace) -> None:
    """Score the strata of a part and choose the mistakes."""
    check_options(args.replicates, args.confidence)
    rows = load_rows(args.predictions, args.split, args.transcripts, args.part)
    if args.relatives and args.part == TEST:
        rows = add_relatives(rows, args.relatives, args.scheme)
    about = {"name": args.name, "scheme": args.scheme, "part": args.part}
    strata = pd.DataFrame(score_strata(rows, args.replicates, args.confidence, args.seed))
    write_table(args.output, strata.assign(**about)[list(STRATUM_COLUMNS)], SCORE_DIGITS)
    mistakes = find_mistakes(rows, args.mistakes).assign(**about)
    write_table(args.mistakes_output, mistakes[list(MISTAKE_COLUMNS)])
    log.info(
        "%s: wrong are %d of %d circRNAs and %d of %d lncRNAs",
        args.name,
        *strata.loc[0, ["false_negatives", "n_circrna", "false_positives", "n_lncrna"]],
    )
