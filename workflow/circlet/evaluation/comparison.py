"""One table of the scores of all runs and baselines."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from circlet.errors import InputError
from circlet.evaluation.scores import METRICS
from circlet.files import read_json, write_table
from circlet.tables import NEGATIVE, POSITIVE

log = logging.getLogger(__name__)

TEXTS = ("name", "scheme")


def row_of(path: str | Path) -> dict[str, Any]:
    """Read one `metrics.json` as a row of the comparison.

    Raises:
        InputError: The file is not one that `circlet evaluate` writes.
    """
    content = read_json(path)
    try:
        row = {name: content[name] for name in ("name", "kind", "scheme", "part")}
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
                f"{metric}_low": found["low"],
                f"{metric}_high": found["high"],
            }
    except (KeyError, TypeError) as error:
        raise InputError(
            path, f"not a file of metrics ({error})", "make it again with 'circlet evaluate'"
        ) from None
    return row


def compare(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Put files of metrics in one table, best AUROC first, ties by name.

    Args:
        paths: Files that `circlet evaluate` wrote, at least one, all on the same part.

    Returns:
        One row a file: `name`, `kind`, `scheme`, `part`, `n_circrna`, `n_lncrna`, `n_groups`,
        and each metric with its `_low` and `_high`.

    Raises:
        InputError: A file is not one of metrics, or was evaluated on another part than the first.
    """
    table = pd.DataFrame([row_of(path) for path in paths])
    part = table["part"].iloc[0]
    for path, other in zip(paths, table["part"], strict=True):
        if other != part:
            raise InputError(
                path,
                f"evaluated on the part {other}, but {paths[0]} on {part}",
                "evaluate all on one part",
            )
    return table.sort_values(
        ["auroc", "name", "scheme"], ascending=[False, True, True], ignore_index=True
    )


def format_table(comparison: pd.DataFrame) -> str:
    """Lay out name, split, size, AUROC, MCC (with intervals) and accuracy as aligned text."""
    columns = {name: comparison[name].str.ljust(comparison[name].str.len().max()) for name in TEXTS}
    columns["n"] = (comparison["n_circrna"] + comparison["n_lncrna"]).map("{:,}".format)
    for heading, metric in (("AUROC", "auroc"), ("MCC", "mcc")):
        limits = comparison[[metric, f"{metric}_low", f"{metric}_high"]]
        columns[f"{heading} [interval]"] = [
            f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in limits.to_numpy()
        ]
    columns["ACC"] = comparison["accuracy"].map("{:.3f}".format)
    return pd.DataFrame(columns).to_string(index=False, justify="left")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="files of metrics")
    parser.add_argument("--output", type=Path, required=True, help="table to write")


def run(args: argparse.Namespace) -> None:
    """Write the comparison and log it in short."""
    comparison = compare(args.metrics)
    write_table(args.output, comparison)
    log.info("On the part %s:\n%s", comparison["part"].iloc[0], format_table(comparison))
