"""Show the outcome of a finished pipeline on the terminal."""

import argparse
import sys
from pathlib import Path

from circlet.evaluation.comparison import format_parts, read_comparison


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--comparison", required=True, help="the comparison, TSV")
    parser.add_argument("--report", required=True, help="the report page")


def run(args: argparse.Namespace) -> None:
    """Print the comparison in short and where the report is."""
    comparison = read_comparison(args.comparison)
    sys.stdout.write(f"\n{format_parts(comparison)}\n\nReport: {Path(args.report).resolve()}\n")
