"""One table of the scores of all runs and baselines."""

import argparse
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from circlet.errors import InputError
from circlet.evaluation.scores import METRICS
from circlet.files import read_json, read_table, write_table
from circlet.tables import (
    EXTERNAL,
    HARD,
    NEGATIVE,
    POSITIVE,
    SCORE_DIGITS,
    SUBSETS,
)
from circlet.words import name_test_set

log = logging.getLogger(__name__)

TEXT_COLUMNS = ("name", "kind", "scheme", "part", "test_set")
COUNT_COLUMNS = ("n_circrna", "n_lncrna", "n_groups")
SHOWN = ("name", "scheme")  # of the texts, in a terminal
SCORE_COLUMNS = tuple(f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high"))


# Parts that a test set beside the part scored takes transcripts from.
BESIDE = (HARD, EXTERNAL)


def rows_of(path: str | Path) -> list[dict[str, Any]]:
    """Read one `metrics.json` or `test_sets.json` as rows of the comparison.

    Raises:
        InputError: The file is not one that `circlet evaluate` writes.
    """
    content = read_json(path)
    try:
        return [_row_of(entry) for entry in (content if isinstance(content, list) else [content])]
    except (KeyError, TypeError) as error:
        raise InputError(
            path, f"not a file of metrics ({error})", "make it again with 'circlet evaluate'"
        ) from None


def _row_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Lay out what was scored on one test set as a row."""
    row = {name: entry[name] for name in TEXT_COLUMNS}
    counts = entry["counts"]
    row |= {
        "n_circrna": counts[POSITIVE],
        "n_lncrna": counts[NEGATIVE],
        "n_groups": counts["groups"],
    }
    for metric in METRICS:
        found = entry["metrics"][metric]
        row |= {
            metric: found["value"],
            f"{metric}_low": _number(found["low"]),
            f"{metric}_high": _number(found["high"]),
        }
    return row


def _number(limit: float | None) -> float:
    """A limit of an interval, NaN where there is none."""
    return math.nan if limit is None else limit


def is_of_part(row: Mapping[str, Any]) -> bool:
    """Whether a row of the comparison is of the whole part that is scored."""
    return row["test_set"] == row["part"] and row["part"] not in BESIDE


def place_of(test_set: str, part: str) -> tuple[int, str]:
    """Key that sorts test sets: the part, its subsets, hard negatives, a user's sets by name."""
    order = [*SUBSETS, HARD]
    if test_set in order:
        return 1 + order.index(test_set), ""
    return (1 + len(order), test_set) if part == EXTERNAL else (0, "")


def compare(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Put files of metrics in one table: by test set, in each the best AUROC first, ties by name.

    Args:
        paths: Files that `circlet evaluate` wrote, at least one with an entry. Beside hard
            negatives and external sets, all are of one part.

    Returns:
        One row a scored test set: `name`, `kind`, `scheme`, `part`, `test_set`, `n_circrna`,
        `n_lncrna`, `n_groups`, and each metric with its `_low` and `_high`.

    Raises:
        InputError: A file is not one of metrics, or two parts were evaluated.
    """
    found = [(path, row) for path in paths for row in rows_of(path)]
    first: tuple[str | Path, str] | None = None
    for path, row in found:
        if row["part"] in BESIDE:
            continue
        first = first or (path, row["part"])
        if row["part"] != first[1]:
            raise InputError(
                path,
                f"evaluated on the part {row['part']}, but {first[0]} on {first[1]}",
                "evaluate all on one part",
            )
    table = pd.DataFrame([row for _, row in found])
    places = [place_of(*pair) for pair in table[["test_set", "part"]].itertuples(index=False)]
    order = sorted(
        range(len(table)),
        key=lambda row: (
            places[row],
            -table["auroc"][row],
            table["name"][row],
            table["scheme"][row],
        ),
    )
    return table.iloc[order].reset_index(drop=True)


def read_comparison(path: str | Path) -> pd.DataFrame:
    """Read a comparison back, its texts as text and its scores as floats.

    Raises:
        InputError: It is not the table that `circlet compare` writes, or is empty.
    """
    columns = [*TEXT_COLUMNS, *COUNT_COLUMNS, *SCORE_COLUMNS]
    table = read_table(path, tuple(columns))[columns]
    mend = "make it again with 'circlet compare'"
    if table.empty:
        raise InputError(path, "the table has no rows", mend)
    try:
        types = dict.fromkeys(TEXT_COLUMNS, "str") | dict.fromkeys(SCORE_COLUMNS, "float")
        return table.astype(types)
    except ValueError as error:
        raise InputError(path, f"a score is not a number ({error})", mend) from None


def format_table(comparison: pd.DataFrame) -> str:
    """Lay out name, split, size, AUROC, MCC (with intervals) and accuracy as aligned text."""
    columns: dict[str, pd.Series | list[str]] = {
        name: comparison[name].str.ljust(comparison[name].str.len().max()) for name in SHOWN
    }
    columns["n"] = (comparison["n_circrna"] + comparison["n_lncrna"]).map("{:,}".format)
    for heading, metric in (("AUROC", "auroc"), ("MCC", "mcc")):
        limits = comparison[[metric, f"{metric}_low", f"{metric}_high"]]
        columns[f"{heading} [interval]"] = [
            f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in limits.to_numpy()
        ]
    columns["ACC"] = comparison["accuracy"].map("{:.3f}".format)
    text: str = pd.DataFrame(columns).to_string(index=False, justify="left")
    return text


def format_parts(comparison: pd.DataFrame) -> str:
    """Lay out the scores on each test set under a line that names it; see `format_table`.

    All splits are told of the part; of other test sets those that a run was trained under, if any
    was.
    """
    own = comparison["scheme"].isin(comparison["scheme"][comparison["kind"] == "run"])
    is_part = comparison.apply(is_of_part, axis=1)
    shown = comparison[is_part | own | (not own.any())]
    return "\n\n".join(
        f"Scores on the {name_test_set(*map(str, about))}:\n{format_table(rows)}"
        for about, rows in shown.groupby(["test_set", "part"], sort=False)
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="files of metrics")
    parser.add_argument("--output", type=Path, required=True, help="table to write")


def run(args: argparse.Namespace) -> None:
    """Write the comparison and log it in short."""
    comparison = compare(args.metrics)
    write_table(args.output, comparison, SCORE_DIGITS)
    log.info("%s", format_parts(comparison))
