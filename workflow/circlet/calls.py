"""Tables of calls of a user's sequences: written, and joined where pieces were classified apart."""

import argparse
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from circlet.errors import InputError
from circlet.files import atomic_text, open_text
from circlet.progress import Progress
from circlet.tables import CALL_COLUMNS

HEADER = "\t".join(CALL_COLUMNS) + "\n"

log = logging.getLogger(__name__)


def write_calls(
    path: str | Path, calls: Iterable[tuple[str, float, str]], fasta: str | Path, min_length: int
) -> None:
    """Write a table with `CALL_COLUMNS`, row by row as they come, and tell their number.

    Args:
        path: Where to write.
        calls: Id, probability and call of each record; the call is empty where there is none.
        fasta: Where the records stand, for messages.
        min_length: Unambiguous bases that a record needs for a call, likewise.
    """
    unscored = 0
    with atomic_text(path) as handle, Progress("classifying", unit="records") as progress:
        handle.write(HEADER)
        for identifier, probability, call in calls:
            shown = f"{probability:.6g}" if call else ""
            handle.write(f"{identifier}\t{shown}\t{call}\n")
            unscored += not call
            progress.update()
    log.info("%s: classified %s records", fasta, f"{progress.done - unscored:,}")
    if unscored:
        log.warning(
            "%s: %s records have fewer than %d unambiguous bases, which the model was not trained "
            "on: no call",
            fasta,
            f"{unscored:,}",
            min_length,
        )


def join_calls(pieces: Sequence[str | Path], output: str | Path) -> None:
    """Join the tables of pieces, in their order, to the bytes that the whole would have.

    Raises:
        InputError: A piece is no table with `CALL_COLUMNS`; no table is written then.
    """
    with atomic_text(output) as handle:
        handle.write(HEADER)
        for piece in pieces:
            with open_text(piece) as lines:
                if next(lines, "") != HEADER:
                    raise InputError(
                        piece,
                        f"does not begin with the columns {list(CALL_COLUMNS)}",
                        "make it with 'circlet predict IN.fa --shard I/N'",
                    )
                handle.writelines(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--pieces", nargs="+", required=True, help="their tables of calls, in order, TSV or .gz")
    add("--output", required=True, help="the table of all calls, TSV, or .gz")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    join_calls(args.pieces, args.output)
    log.info("%s: of %d pieces", args.output, len(args.pieces))
