"""Rank the trials of a search by what they reached on the validation part."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from circlet.errors import InputError
from circlet.files import read_json, write_table

log = logging.getLogger(__name__)

MEND = "delete it, and let Snakemake try its settings again"


def read_trial(path: str | Path, settings: Sequence[str]) -> dict[str, Any]:
    """Read what a trial tried and what came of it: one row of the table.

    Raises:
        InputError: The file is missing or damaged, or is no record of a training.
    """
    record = read_json(path)
    try:
        values = record["network"] | record
        best = record["epochs"][record["best_epoch"] - 1]
        return {
            "trial": Path(path).parent.name,
            **{name: values[name] for name in settings},
            "validation_auroc": best["validation_auroc"],
            "validation_loss": best["validation_loss"],
            "best_epoch": record["best_epoch"],
            "parameters": record["parameters"],
            "seconds": record["seconds"],
        }
    except (KeyError, IndexError, TypeError) as error:
        raise InputError(path, f"not the record of a training ({error!r})", MEND) from None


def rank(trials: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Sort trials by their AUROC on the validation part and, of equal ones, by their loss.

    The best of many is flattered by chance: the more trials, the more.
    """
    table = pd.DataFrame(trials)
    order = ["validation_auroc", "validation_loss"]
    return table.sort_values(order, ascending=[False, True], kind="stable", ignore_index=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument(
        "--records", nargs="+", required=True, help="of the trainings, in a folder for each trial"
    )
    parser.add_argument("--settings", nargs="+", required=True, help="what the trials vary")
    parser.add_argument("--output", required=True, help="the trials, best first, TSV")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    table = rank([read_trial(path, args.settings) for path in args.records])
    write_table(args.output, table)
    best = table.iloc[0]
    found = ", ".join(f"{name} {best[name]}" for name in args.settings)
    log.info("best of %d: AUROC %.4f with %s", len(table), best["validation_auroc"], found)
