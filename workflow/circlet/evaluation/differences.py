"""How far a run is above its rivals, and whether that could be chance: paired differences."""

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from circlet.arguments import named_path
from circlet.errors import InputError
from circlet.evaluation.bootstrap import (
    add_bootstrap_arguments,
    check_options,
    difference_interval,
    rarer_class_groups,
)
from circlet.evaluation.held_out import common_test_sets, load_other, load_rival
from circlet.evaluation.metrics import replicate_scores
from circlet.evaluation.predictions import load_scored
from circlet.evaluation.scores import OUTCOMES
from circlet.evaluation.significance import area_difference, decide, difference_p_value, holm
from circlet.evaluation.test_sets import add_subset_arguments, choose_test_sets, load_subsets
from circlet.files import write_table
from circlet.tables import DIFFERENCE_COLUMNS, POSITIVE, SCORE_DIGITS, TEST, VALIDATION, records_of

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

    Interval and p-value of a difference stand on one standard error, by Student's t: of the AUROC
    that of `clustered_delong`, which draws nothing; of the others the spread of the difference
    over replicates that both meet alike, groups drawn whole (see `group_weights`). Either way
    what makes a draw hard for both falls out. Each p-value stands for itself here.

    Args:
        run: Rows of the test set with `label`, `call`, `p_circrna` and `group`; both labels occur.
        rivals: Other predictions for the same rows in the same order, by name.
        replicates: Bootstrap replicates; those that lack a class are left out.
        confidence: Of the intervals, between 0 and 1.
        seed: Seed of the bootstrap.

    Returns:
        The `DIFFERENCE_COLUMNS` from `n_circrna` to `p_value`, and `rival`; limits and p-value are
        NaN if a class has a single group, or fewer than two replicates had both.
    """
    is_circrna = (run["label"] == POSITIVE).to_numpy(bool)
    groups, _ = pd.factorize(run["group"], sort=True)
    n_groups = rarer_class_groups(is_circrna, groups)
    counts = {
        "n_circrna": int(is_circrna.sum()),
        "n_lncrna": int((~is_circrna).sum()),
        "n_groups": run["group"].nunique(),
    }
    own, rows = replicate_scores(run, replicates, seed), []
    for name, rival in rivals.items():
        other = replicate_scores(rival, replicates, seed)
        gaps = own - other
        errors = gaps[1:].std(ddof=1)
        both = (table["p_circrna"].to_numpy(float) for table in (run, rival))
        p_circrna, rival_p = both
        errors["auroc"] = area_difference(is_circrna, p_circrna, rival_p, groups)[1]
        for metric in COMPARED:
            gap, error = float(gaps[metric][0]), float(errors[metric])
            low, high = difference_interval(gap, error, n_groups, confidence)
            p_value = difference_p_value(gap, error, n_groups)
            values = {"value": own[metric][0], "rival_value": other[metric][0], "difference": gap}
            limits = {"low": low, "high": high, "p_value": p_value}
            rows.append({"rival": name, **counts, "metric": metric, **values, **limits})
    return pd.DataFrame(rows)


def correct(rows: pd.DataFrame) -> pd.Series:
    """Correct the p-values of one run for its comparisons, metric by metric; see `holm`.

    The family is what the run is compared with: all rivals, of its own split and of others, on all
    test sets. Metrics are families of their own, since they restate one question.
    """
    return rows.groupby("metric")["p_value"].transform(lambda found: holm(found.to_numpy(float)))


def tell(name: str, rows: pd.DataFrame, confidence: float) -> None:
    """Log in words what one run won, lost or left open against each rival on each test set.

    Won or lost is what is unlikely to be chance after the correction for many comparisons.
    """
    for (test_set, rival), against in rows.groupby(["test_set", "rival"], sort=False):
        outcomes: dict[str, list[str]] = {won: [] for won in OUTCOMES}
        for row in records_of(against):
            metric, gap = row["metric"], row["difference"]
            decided = decide(metric, gap, row["p_holm"], confidence)
            outcomes[decided].append(f"{metric} {gap:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]")
        words = "; ".join(f"{won} by {', '.join(said)}" for won, said in outcomes.items() if said)
        log.info("%s against %s on %s: %s", name, rival, test_set, words)


def _named_path_of_scheme(text: str) -> tuple[str, str, Path]:
    """Read `NAME=SCHEME=PATH`."""
    name, _, rest = text.partition("=")
    scheme, _, path = rest.partition("=")
    if not (name and scheme and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=SCHEME=PATH")
    return name, scheme, Path(path)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--predictions", type=Path, required=True, help="predictions of the run")
    add(
        "--rivals",
        type=named_path,
        nargs="+",
        default=[],
        help="predictions to compare it with, on the same split, as NAME=PATH",
    )
    add(
        "--others",
        type=_named_path_of_scheme,
        nargs="+",
        default=[],
        help="the same of other splits, as NAME=SCHEME=PATH: compared on what both held out",
    )
    add("--split", type=Path, required=True, help="table of groups and parts")
    add("--name", required=True, help="name of the run")
    add("--scheme", required=True, help="name of the split scheme")
    add("--part", choices=(VALIDATION, TEST), default=TEST, help="the part to score")
    add_bootstrap_arguments(parser, "bootstrap and matching")
    add_subset_arguments(parser)
    add("--output", type=Path, required=True, help="table of differences to write")


def check_names(rivals: list[str]) -> None:
    """Refuse a list without rivals, or with one twice.

    Raises:
        InputError: It is such a list.
    """
    if not rivals:
        raise InputError("--rivals", "there are none", "give one, or one of --others")
    if twice := {name for name in rivals if rivals.count(name) > 1}:
        raise InputError("--rivals", f"{min(twice)} is given twice", "give each name once")


def compare(args: argparse.Namespace, scored: pd.DataFrame) -> pd.DataFrame:
    """Compare a run with all rivals on all test sets.

    Args:
        args: What the command line says.
        scored: The run's predictions of all parts, with their groups.

    Returns:
        Rows of `DIFFERENCE_COLUMNS` without `p_holm`, by test set.

    Raises:
        InputError: A table is not usable, or does not fit the others.
    """
    subsets = load_subsets(args, scored)
    options, found = (args.replicates, args.confidence, args.seed), []
    about = {"name": args.name, "scheme": args.scheme, "part": args.part}
    rivals = {
        name: load_rival(path, args.split, scored, args.predictions) for name, path in args.rivals
    }
    chosen = choose_test_sets(scored, args.part, subsets, args.predictions)
    for test_set, index in chosen.items() if rivals else ():
        against = {name: rival.loc[index] for name, rival in rivals.items()}
        table = paired_differences(scored.loc[index], against, *options)
        found.append(table.assign(test_set=test_set, rival_scheme=args.scheme, **about))
    for name, scheme, path in args.others:
        other = load_other(path, scored, args.predictions, args.part)
        sets = common_test_sets(name, scored.loc[other.index], args.part, subsets, path)
        for test_set, index in sets.items():
            table = paired_differences(scored.loc[index], {name: other.loc[index]}, *options)
            found.append(table.assign(test_set=test_set, rival_scheme=scheme, **about))
    return pd.concat(found) if found else pd.DataFrame(columns=list(DIFFERENCE_COLUMNS))


def run(args: argparse.Namespace) -> None:
    """Compare a run with its rivals on each test set and write the differences."""
    check_options(args.replicates, args.confidence)
    check_names([name for name, *_ in (*args.rivals, *args.others)])
    rows = compare(args, load_scored(args.predictions, args.split))
    rows = rows.assign(p_holm=correct(rows))[list(DIFFERENCE_COLUMNS)]
    write_table(args.output, rows, SCORE_DIGITS)
    tell(args.name, rows, args.confidence)
