"""Join the pieces of an explanation to what it would be as a whole."""

import argparse
from pathlib import Path

from circlet.evaluation.explain.pieces import copy_calls, load_pieces, write_together


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--pieces", nargs="+", type=Path, required=True, help="folders of all pieces, in order")
    add("--output", type=Path, required=True, help="folder to write to")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    whole = load_pieces(args.pieces)
    copy_calls(args.pieces, args.output)
    write_together(whole, args.output)
