"""Tables of calls: written as the calls come, whole or, where their input breaks off, in part."""

import contextlib
import dataclasses
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from circlet.arguments import TABLE_KINDS as KINDS
from circlet.call_rows import FORMULA, OF_SPREADSHEETS, Prediction, kind_of, open_table
from circlet.compression import ENDINGS, compressor
from circlet.errors import InputError, printable
from circlet.files import atomic_path, writing
from circlet.progress import Progress
from circlet.tables import CALL_COLUMNS

__all__ = ["KINDS", "Prediction", "kind_of", "open_calls", "open_output", "write_calls"]

STANDARD_OUTPUT = "-"  # a path that stands for it
BLOCK_ROWS = 512  # written at once
SHOWN = 60  # letters of an id in a warning

log = logging.getLogger(__name__)


@dataclasses.dataclass
class Output:
    """Where the bytes of a table go.

    Attributes:
        stream: Takes them.
        rest: Where the records are that came before a break, in words.
        is_live: Whether a reader may wait for each row: standard output.
        broken: Set to the error that ends the table early, if what came before it shall be kept.
    """

    stream: BinaryIO
    rest: str
    is_live: bool = False
    broken: InputError | None = None


@contextlib.contextmanager
def open_output(path: str | Path, kind: str) -> Iterator[Output]:
    """Open a file, compressed by its ending, or standard output for the bytes of a table.

    A file appears when the block ends without an error, and one named `PATH.partial`, left by an
    earlier try, goes then. If `broken` is set, the bytes become that file instead.

    Args:
        path: Where to write; `-` is standard output, which is never compressed.
        kind: Of the table.

    Raises:
        InputError: It cannot be written; or what `broken` was set to.
    """
    opened = _to_standard_output() if str(path) == STANDARD_OUTPUT else _to_file(Path(path), kind)
    with opened as output:
        yield output


@contextlib.contextmanager
def _to_standard_output() -> Iterator[Output]:
    """See `open_output`. Nothing is taken back, so nothing has to be kept."""
    sys.stdout.flush()
    # With a buffer of its own: what a full disk leaves in that of sys.stdout would fail once more
    # when the interpreter ends.
    with (
        writing("standard output"),
        open(sys.stdout.fileno(), "wb", closefd=False) as stream,
    ):
        output = Output(stream, "on standard output", is_live=True)
        yield output
    if output.broken is not None:
        raise output.broken


@contextlib.contextmanager
def _to_file(path: Path, kind: str) -> Iterator[Output]:
    """See `open_output`."""
    name = path.name.lower()
    if kind == "parquet" and name.endswith(ENDINGS):
        mend = f"leave out the ending {Path(name).suffix}"
        raise InputError(path, "a Parquet table is compressed in itself", mend)
    partial = Path(f"{path}.partial")
    with atomic_path(path) as temporary:
        with open(temporary, "wb") as raw, _compressed(raw, name) as stream:
            output = Output(stream, f"in {partial}")
            yield output
        if output.broken is not None:
            with atomic_path(partial) as kept:
                temporary.replace(kept)
            raise output.broken
    if partial.is_file():
        partial.unlink()


@contextlib.contextmanager
def _compressed(raw: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Give a stream that compresses into `raw` as the ending of `name` says."""
    stream = compressor(raw, name)
    try:
        yield stream
    finally:
        if stream is not raw:
            stream.close()


@contextlib.contextmanager
def open_calls(
    path: str | Path, kind: str | None = None, columns: Sequence[str] = CALL_COLUMNS
) -> Iterator[Callable[[Sequence[Prediction]], None]]:
    """Open a table of calls; give the function that writes rows to it, as many as there are.

    Numbers have six significant digits in every kind of table. What is missing (NaN, no call) is
    empty in TSV and CSV, and null in JSON lines and Parquet; flags are joined by `;` in the former
    and a list in the latter.

    Args:
        path: Where to write; compressed by its ending, unless it is Parquet; `-` is standard
            output.
        kind: One of `KINDS`, if not told by the ending.
        columns: `CALL_COLUMNS`, which `STRAND_COLUMNS` may follow.

    Raises:
        InputError: The table cannot be written; or one that the block raises. If that comes after
            rows, they are kept as the table `PATH.partial`, and the error tells so.
    """
    kind = kind_of(path, kind)
    count = 0
    with open_output(path, kind) as output, open_table(output.stream, kind, columns) as table:

        def write(rows: Sequence[Prediction]) -> None:
            nonlocal count
            table.write(rows)
            if output.is_live:
                table.flush()
            count += len(rows)

        try:
            yield write
        except InputError as error:
            if not count:
                raise
            noun, verb = ("records", "are") if count > 1 else ("record", "is")
            before = f"the {count:,} {noun} classified before it {verb} {output.rest}"
            output.broken = error.with_mend(before)


def write_calls(
    path: str | Path,
    predictions: Iterable[Prediction],
    where: str | Path,
    kind: str | None = None,
    columns: Sequence[str] = CALL_COLUMNS,
) -> None:
    """Write a table of calls as they come; tell their number, and why some records have none.

    Args:
        path: Where to write; see `open_calls`.
        predictions: Those of the records, in their order.
        where: The inputs that the records are from, for messages.
        kind: See `open_calls`.
        columns: See `open_calls`.

    Raises:
        InputError: See `open_calls`.
    """
    done, reasons, formulas = 0, Counter[str](), list[str]()
    with open_calls(path, kind, columns) as write, _progress(path) as show:
        for block in _blocks(predictions):
            write(block)
            done += len(block)
            formulas += [row.id for row in block if row.id.startswith(FORMULA)]
            reasons.update((*row.flags, "no reason")[0] for row in block if not row.call)
            show(len(block))
    log.info("%s: classified %s records", where, f"{done - reasons.total():,}")
    if reasons:
        told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
        noun, verb = ("records", "have") if reasons.total() > 1 else ("record", "has")
        log.warning("%s: %s %s %s no call: %s", where, f"{reasons.total():,}", noun, verb, told)
    if formulas and kind_of(path, kind) in OF_SPREADSHEETS:
        _warn_of_formulas(where, formulas)


def _warn_of_formulas(where: str | Path, ids: Sequence[str]) -> None:
    """Log that a spreadsheet may take ids for formulas; the table has them as they came."""
    noun = "ids begin" if len(ids) > 1 else "id begins"
    log.warning(
        "%s: %s %s with =, +, - or @ (the first is %s): a spreadsheet may take that for a formula;"
        " import them as text",
        *(where, f"{len(ids):,}", noun, printable(ids[0][:SHOWN])),
    )


def _blocks(predictions: Iterable[Prediction]) -> Iterator[list[Prediction]]:
    """Yield rows in blocks; also those that come before an `InputError`, and then raise it."""
    block: list[Prediction] = []
    try:
        for prediction in predictions:
            block.append(prediction)
            if len(block) == BLOCK_ROWS:
                yield block
                block = []
    except InputError:
        if block:
            yield block
        raise
    if block:
        yield block


@contextlib.contextmanager
def _progress(path: str | Path) -> Iterator[Callable[[int], None]]:
    """Show how far it has come, unless the table itself is shown on a terminal."""
    if str(path) == STANDARD_OUTPUT and sys.stdout.isatty():
        yield lambda count: None
        return
    with Progress("classifying", unit="records") as progress:
        yield progress.update
