"""One table of the scores of all runs and baselines."""

import argparse
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from circlet.errors import InputError
from circlet.evaluation.scores import METRICS
from circlet.files import read_json, read_table, write_table
from circlet.tables import HARD, NEGATIVE, POSITIVE

log = logging.getLogger(__name__)

TEXT_COLUMNS = ("name", "kind", "scheme", "part")
COUNT_COLUMNS = ("n_circrna", "n_lncrna", "n_groups")
SHOWN = ("name", "scheme")  # of the texts, in a terminal
SCORE_COLUMNS = tuple(f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high"))


def row_of(path: str | Path) -> dict[str, Any]:
    """Read one `metrics.json` as a row of the comparison.

    Raises:
        InputError: The file is not one that `circlet evaluate` writes.
    """
    content = read_json(path)
    try:
        row = {name: content[name] for name in TEXT_COLUMNS}
        counts = content["counts"]
        row |= {
            "n_circrna": counts[POSITIVE],
            "n_lncrna": counts[NEGATIVE],
            "n_groups": counts["groups"],
        }
        for metric in METRICS:
            found = content["metrics"][metric]
            row |= {
                metric: found["value"],
                f"{metric}_low": _number(found["low"]),
                f"{metric}_high": _number(found["high"]),
            }
    except (KeyError, TypeError) as error:
        raise InputError(
            path, f"not a file of metrics ({error})", "make it again with 'circlet evaluate'"
        ) from None
    return row


def _number(limit: float | None) -> float:
    """A limit of an interval, NaN where there is none."""
    return math.nan if limit is None else limit


def compare(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Put files of metrics in one table, best AUROC first, ties by name; hard negatives last.

    Args:
        paths: Files that `circlet evaluate` wrote, at least one, all on the same part save for
            those on hard negatives.

    Returns:
        One row a file: `name`, `kind`, `scheme`, `part`, `n_circrna`, `n_lncrna`, `n_groups`,
        and each metric with its `_low` and `_high`.

    Raises:
        InputError: A file is not one of metrics, or two parts beside `hard` were evaluated.
    """
    table = pd.DataFrame([row_of(path) for path in paths])
    parts = table["part"][table["part"] != HARD]
    for place, part in parts.items():
        if part != parts.iloc[0]:
            raise InputError(
                paths[place],
                f"evaluated on the part {part}, but {paths[parts.index[0]]} on {parts.iloc[0]}",
                "evaluate all on one part",
            )
    table["is_hard"] = table["part"] == HARD
    table = table.sort_values(
        ["is_hard", "auroc", "name", "scheme"],
        ascending=[True, False, True, True],
        ignore_index=True,
    )
    return table.drop(columns="is_hard")


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
    columns = {name: comparison[name].str.ljust(comparison[name].str.len().max()) for name in SHOWN}
    columns["n"] = (comparison["n_circrna"] + comparison["n_lncrna"]).map("{:,}".format)
    for heading, metric in (("AUROC", "auroc"), ("MCC", "mcc")):
        limits = comparison[[metric, f"{metric}_low", f"{metric}_high"]]
        columns[f"{heading} [interval]"] = [
            f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in limits.to_numpy()
        ]
    columns["ACC"] = comparison["accuracy"].map("{:.3f}".format)
    return pd.DataFrame(columns).to_string(index=False, justify="left")


def format_parts(comparison: pd.DataFrame) -> str:
    """Lay out the scores of each part under a line that names it; see `format_table`."""
    words = {HARD: "Scores of circRNAs against hard negatives"}
    return "\n\n".join(
        f"{words.get(part, f'Scores on the {part} part')}:\n{format_table(rows)}"
        for part, rows in comparison.groupby("part", sort=False)
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="files of metrics")
    parser.add_argument("--output", type=Path, required=True, help="table to write")


def run(args: argparse.Namespace) -> None:
    """Write the comparison and log it in short."""
    comparison = compare(args.metrics)
    write_table(args.output, comparison)
    log.info("%s", format_parts(comparison))
