"""Join the tables of calls of pieces that were classified apart."""

import argparse
import contextlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from circlet.arguments import TABLE_KINDS as KINDS
from circlet.call_rows import ALL_COLUMNS, header, kind_of, open_table, schema
from circlet.calls import open_output
from circlet.errors import InputError
from circlet.files import open_text, reading
from circlet.tables import CALL_COLUMNS

TABLES = (CALL_COLUMNS, ALL_COLUMNS)  # what columns there may be
CHUNK = 1 << 16  # letters or rows read at once
MEND = "make it with 'circlet predict IN.fa --shard I/N'"

log = logging.getLogger(__name__)


def join_calls(pieces: Sequence[str | Path], output: str | Path, kind: str | None = None) -> None:
    """Join the tables of pieces, in their order, to what the whole would be.

    The bytes are the same, too, of all kinds of table.

    Args:
        pieces: The tables, plain or compressed.
        output: Where to write; see `circlet.calls.open_calls`.
        kind: One of `KINDS`, if not told by the endings.

    Raises:
        InputError: A piece is no table of calls, or not of the kind and columns of the others; no
            table is written then.
    """
    whole = kind_of(output, kind)
    for piece in pieces:
        if kind_of(piece, kind) != whole:
            raise InputError(piece, f"is not {whole}, as {output} is", "give all the same ending")
    with open_output(output, whole) as opened, contextlib.ExitStack() as stack:
        table = columns = None
        for piece in pieces:
            contents = _tables(piece) if whole == "parquet" else _texts(piece, whole)
            for found, content in contents:
                if table is None:
                    columns = found
                    table = stack.enter_context(open_table(opened.stream, whole, columns))
                if found != columns:
                    mend = "classify all pieces with the same --strand"
                    raise InputError(piece, "has other columns than the pieces before it", mend)
                table.copy(content)


def _texts(piece: str | Path, kind: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield a text table's rows in parts, each after the columns; none of empty JSON lines."""
    with open_text(piece) as lines:
        first = next(lines, "")
        if kind == "jsonl" and not first:
            return
        columns = _columns_of(piece, first, kind)
        yield columns, "" if header(kind, columns) else first
        last = first
        while text := lines.read(CHUNK):
            yield columns, text
            last = text
        if not last.endswith("\n"):
            raise InputError(piece, "is cut off within its last row", MEND)


def _columns_of(piece: str | Path, first: str, kind: str) -> tuple[str, ...]:
    """Tell the columns of a text table by its first line.

    Raises:
        InputError: They are not those of a table of calls.
    """
    if kind == "jsonl":
        try:
            record = json.loads(first)
        except (ValueError, RecursionError):
            record = None
        found = tuple(record) if isinstance(record, dict) else ()
    else:
        found = next((names for names in TABLES if header(kind, names) == first), ())
    if found not in TABLES:
        raise _refusal(piece)
    return found


def _tables(piece: str | Path) -> Iterator[tuple[tuple[str, ...], pa.Table]]:
    """Yield a Parquet table's rows in parts, each after the columns."""
    with reading(piece), open(piece, "rb") as handle:
        try:
            parquet = pq.ParquetFile(handle)
            kept = parquet.schema_arrow
            columns = next((names for names in TABLES if kept == schema(names)), None)
            if columns is None:
                raise _refusal(piece)
            yield columns, kept.empty_table()
            for batch in parquet.iter_batches(CHUNK, use_threads=False):
                yield columns, pa.Table.from_batches([batch])
        except ValueError as error:  # of pyarrow; also of a damaged row group
            raise InputError(piece, f"is no readable Parquet table ({error})", MEND) from None


def _refusal(piece: str | Path) -> InputError:
    """The error of a piece that is no table of calls."""
    return InputError(piece, f"does not begin with the columns {list(CALL_COLUMNS)}", MEND)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--pieces", nargs="+", required=True, help="their tables of calls, in order")
    add("--output", required=True, help="the table of all calls, of the same kind")
    add("--format", choices=KINDS, help="kind of the tables; told by their endings by default")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    join_calls(args.pieces, args.output, args.format)
    log.info("%s: of %d pieces", args.output, len(args.pieces))
