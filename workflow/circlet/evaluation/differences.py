"""How far a run is above its rivals, and whether that could be chance: paired differences."""

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from circlet.arguments import seed
from circlet.descriptors import describe
from circlet.errors import InputError
from circlet.evaluation.baselines import load_transcripts
from circlet.evaluation.bootstrap import check_options, percentile_interval
from circlet.evaluation.metrics import load_scored, replicate_scores
from circlet.evaluation.predictions import select_part
from circlet.evaluation.scores import OUTCOMES, outcome
from circlet.evaluation.subsets import choose_subsets
from circlet.files import read_table, write_table
from circlet.tables import (
    DIFFERENCE_COLUMNS,
    HARD,
    LABELS,
    POSITIVE,
    SUBSET_COLUMNS,
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


def _named_path(text: str) -> tuple[str, Path]:
    """Read `NAME=PATH`."""
    name, _, path = text.partition("=")
    if not (name and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH")
    return name, Path(path)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--predictions", type=Path, required=True, help="predictions of the run")
    add(
        "--rivals",
        type=_named_path,
        nargs="+",
        required=True,
        help="predictions to compare it with, on the same split, as NAME=PATH",
    )
    add("--split", type=Path, required=True, help="table of groups and parts")
    add("--subsets", type=Path, help="table of subsets of the test parts, for the part test")
    add("--transcripts", type=Path, help="the dataset, for the subsets of the part validation")
    add("--name", required=True, help="name of the run")
    add("--scheme", required=True, help="name of the split scheme")
    add("--part", choices=(VALIDATION, TEST), default=TEST, help="the part to score")
    add("--replicates", type=int, default=1000, help="bootstrap replicates")
    add("--confidence", type=float, default=0.95, help="of the intervals, 0 to 1")
    add("--seed", type=seed, default=0, help="seed of the bootstrap and of the matching")
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
    subsets = {}
    if args.part == TEST and args.subsets:
        subsets = read_subsets(args.subsets, args.scheme, scored)
    elif args.part == VALIDATION and args.transcripts:
        subsets = subsets_of_validation(args.transcripts, args.split, args.seed)
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
