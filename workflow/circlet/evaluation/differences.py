"""How far a run is above its rivals, and whether that could be chance: paired differences."""

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from circlet.arguments import named_path, seed
from circlet.errors import InputError
from circlet.evaluation.bootstrap import check_options, percentile_interval
from circlet.evaluation.metrics import replicate_scores
from circlet.evaluation.predictions import load_scored
from circlet.evaluation.scores import OUTCOMES, outcome
from circlet.evaluation.test_sets import (
    add_subset_arguments,
    choose_test_sets,
    load_subsets,
)
from circlet.files import write_table
from circlet.tables import (
    DIFFERENCE_COLUMNS,
    POSITIVE,
    TEST,
    VALIDATION,
)

COMPARED = ("auroc", "mcc", "auprc", "accuracy", "brier", "ece")

log = logging.getLogger(__name__)


def paired_differences(
    run: pd.DataFrame,
    rivals: Mapping[str, pd.DataFrame],
    replicates: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Compare a run with its rivals on one test set, by `COMPARED`.

    The interval is the percentile interval of the difference over replicates that both meet alike,
    groups drawn whole (see `group_weights`): what makes a draw hard for both falls out of it. Each
    interval stands for itself; none is widened for the number of comparisons.

    Args:
        run: Rows of the test set with `label`, `call`, `p_circrna` and `group`; both labels occur.
        rivals: Other predictions for the same rows in the same order, by name.
        replicates: Bootstrap replicates; those that lack a class are left out.
        confidence: Of the intervals, between 0 and 1.
        seed: Seed of the bootstrap.

    Returns:
        The `DIFFERENCE_COLUMNS` from `n_circrna` on, and `rival`; the limits are NaN if no
        replicate had both classes.
    """
    is_circrna = run["label"] == POSITIVE
    counts = {
        "n_circrna": int(is_circrna.sum()),
        "n_lncrna": int((~is_circrna).sum()),
        "n_groups": run["group"].nunique(),
    }
    own, rows = replicate_scores(run, replicates, seed), []
    for name, rival in rivals.items():
        other = replicate_scores(rival, replicates, seed)
        for metric in COMPARED:
            difference = (own[metric] - other[metric]).to_numpy()
            low, high = percentile_interval(difference[1:], confidence)
            values = {"value": own[metric][0], "rival_value": other[metric][0]}
            limits = {"difference": difference[0], "low": low, "high": high}
            rows.append({"rival": name, **counts, "metric": metric, **values, **limits})
    return pd.DataFrame(rows)


def load_rival(path: Path, split_path: Path, run: pd.DataFrame, run_path: Path) -> pd.DataFrame:
    """Read a rival's predictions, in the order and with the index of the run's.

    Raises:
        InputError: See `load_scored`; also if a label is another than the run's.
    """
    rival = load_scored(path, split_path).set_index("id").loc[run["id"]].reset_index()
    is_other = rival["label"].to_numpy() != run["label"].to_numpy()
    if is_other.any():
        raise InputError(
            path,
            f"label is another than in {run_path}",
            "make both predictions from one dataset",
            rival["id"][is_other].iloc[0],
        )
    return rival


def tell(name: str, rows: pd.DataFrame) -> None:
    """Log in words what one run won, lost or left open against each rival on each test set."""
    for (test_set, rival), against in rows.groupby(["test_set", "rival"], sort=False):
        outcomes: dict[str, list[str]] = {won: [] for won in OUTCOMES}
        for row in against.itertuples():
            interval = f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]"
            outcomes[outcome(row.metric, row.low, row.high)].append(f"{row.metric} {interval}")
        words = "; ".join(f"{won} by {', '.join(said)}" for won, said in outcomes.items() if said)
        log.info("%s against %s on %s: %s", name, rival, test_set, words)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--predictions", type=Path, required=True, help="predictions of the run")
    add(
        "--rivals",
        type=named_path,
        nargs="+",
        required=True,
        help="predictions to compare it with, on the same split, as NAME=PATH",
    )
    add("--split", type=Path, required=True, help="table of groups and parts")
    add("--name", required=True, help="name of the run")
    add("--scheme", required=True, help="name of the split scheme")
    add("--part", choices=(VALIDATION, TEST), default=TEST, help="the part to score")
    add("--replicates", type=int, default=1000, help="bootstrap replicates")
    add("--confidence", type=float, default=0.95, help="of the intervals, 0 to 1")
    add("--seed", type=seed, default=0, help="seed of the bootstrap and of the matching")
    add_subset_arguments(parser)
    add("--output", type=Path, required=True, help="table of differences to write")


def run(args: argparse.Namespace) -> None:
    """Compare a run with its rivals on each test set and write the differences."""
    check_options(args.replicates, args.confidence)
    names = [name for name, _ in args.rivals]
    if twice := {name for name in names if names.count(name) > 1}:
        raise InputError("--rivals", f"{min(twice)} is given twice", "give each name once")
    scored = load_scored(args.predictions, args.split)
    rivals = {
        name: load_rival(path, args.split, scored, args.predictions) for name, path in args.rivals
    }
    subsets = load_subsets(args, scored)
    found = []
    for test_set, index in choose_test_sets(scored, args.part, subsets, args.predictions).items():
        chosen = {name: rival.loc[index] for name, rival in rivals.items()}
        table = paired_differences(
            scored.loc[index], chosen, args.replicates, args.confidence, args.seed
        )
        found.append(table.assign(test_set=test_set))
    rows = pd.concat(found).assign(name=args.name, scheme=args.scheme, part=args.part)
    write_table(args.output, rows[list(DIFFERENCE_COLUMNS)])
    tell(args.name, rows)
