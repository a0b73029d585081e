"""Show the outcome of a finished pipeline on the terminal."""

import argparse
import sys
from pathlib import Path

from circlet.errors import InputError
from circlet.evaluation.comparison import format_table
from circlet.files import read_table

COLUMNS = (
    *("name", "scheme", "part", "n_circrna", "n_lncrna", "accuracy"),
    *("auroc", "auroc_low", "auroc_high", "mcc", "mcc_low", "mcc_high"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--comparison", required=True, help="the comparison, TSV")
    parser.add_argument("--report", required=True, help="the report page")


def run(args: argparse.Namespace) -> None:
    """Print the comparison in short and where the report is."""
    comparison = read_table(args.comparison, COLUMNS)
    if comparison.empty:
        raise InputError(
            args.comparison, "the table has no rows", "make it again with 'circlet compare'"
        )
    sys.stdout.write(
        f"\nScores on the {comparison.iloc[0]['part']} part:\n{format_table(comparison)}\n\n"
        f"Report: {Path(args.report).resolve()}\n"
    )
