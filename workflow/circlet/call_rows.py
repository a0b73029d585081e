"""The rows of a table of calls, and their bytes in each kind of table."""

import contextlib
import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring as _quote
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from circlet.arguments import TABLE_KINDS as KINDS
from circlet.compression import ENDINGS
from circlet.errors import InputError
from circlet.tables import CALL_COLUMNS, STRAND_COLUMNS

KIND_OF_ENDING = {
    ".csv": "csv",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
# A table of calls has the first or all of these: `--strand both` adds the rest.
ALL_COLUMNS = CALL_COLUMNS + STRAND_COLUMNS
TYPES = {
    "id": pa.string(),
    "length": pa.int64(),
    "p_circrna": pa.float64(),
    "call": pa.string(),
    "spread": pa.float64(),
    "flags": pa.list_(pa.string()),
    "strand": pa.string(),
    "p_other_strand": pa.float64(),
}
NULLABLE = ("call", "strand")  # texts that are null where they are missing
# A spreadsheet takes what begins with one of these for a formula, which can run programs.
FORMULA = ("=", "+", "-", "@")
OF_SPREADSHEETS = ("tsv", "csv")  # kinds that are opened there
# Handed on in pieces of one size, whatever the size of the writes: the bytes of a compressed
# table, and the row groups of Parquet, then depend on the rows alone.
BLOCK_BYTES = 1 << 17
GROUP_ROWS = 1 << 16


class Prediction(NamedTuple):
    """What the model says of one sequence: a row of a table of calls, `ALL_COLUMNS`.

    Attributes:
        id: Identifier of the record.
        length: Length of its sequence in nt.
        p_circrna: Probability of a circRNA; NaN if the sequence cannot be scored.
        call: `circRNA`, `lncRNA`, or empty if it cannot be scored.
        spread: Standard deviation of the probabilities that the model's members give alone; NaN if
            the sequence cannot be scored.
        flags: Words on what to mind about the sequence; of one without a call, the first says why.
        strand: Where both were scored, the one that `p_circrna` is of, `+` or `-`.
        p_other_strand: Likewise, the probability of the other; NaN where it was not scored.
    """

    id: str
    length: int
    p_circrna: float
    call: str
    spread: float
    flags: tuple[str, ...] = ()
    strand: str = ""
    p_other_strand: float = math.nan


def kind_of(path: str | Path, kind: str | None = None) -> str:
    """Tell the kind of a table, one of `KINDS`, by the ending of its name.

    Args:
        path: Such as `calls.csv` or `calls.jsonl.gz`; an ending that says nothing means TSV.
        kind: What the user says of it, which goes before the ending.

    Raises:
        InputError: `kind` is none of `KINDS`.
    """
    if kind is not None:
        if kind not in KINDS:
            raise InputError(path, f"{kind!r} is no kind of table", f"give one of {list(KINDS)}")
        return kind
    name = Path(str(path).lower())
    if name.suffix in ENDINGS:
        name = name.with_suffix("")
    return KIND_OF_ENDING.get(name.suffix, "tsv")


def header(kind: str, columns: Sequence[str]) -> str:
    """The first line of a text table; JSON lines have none."""
    return {"tsv": "\t".join(columns) + "\n", "csv": ",".join(columns) + "\n"}.get(kind, "")


def schema(columns: Sequence[str]) -> pa.Schema:
    """The columns of a Parquet table, and their types."""
    return pa.schema([(name, TYPES[name]) for name in columns])


def _columns(
    rows: Sequence[Prediction], columns: Sequence[str]
) -> Iterator[tuple[str, Iterable[Any]]]:
    """Yield each column's name and values."""
    for name in columns:
        yield name, [getattr(row, name) for row in rows]


def _fields(rows: Sequence[Prediction], columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the fields of each row for TSV and CSV."""
    shown: list[Iterable[str]] = []
    for name, values in _columns(rows, columns):
        if TYPES[name] == pa.float64():
            values = ["" if value != value else f"{value:.6g}" for value in values]
        elif name == "flags":
            values = map(";".join, values)
        shown.append(map(str, values))
    return zip(*shown, strict=True)


def _json_fields(
    rows: Sequence[Prediction], columns: Sequence[str]
) -> Iterator[tuple[str | int, ...]]:
    """Yield the fields of each row for JSON lines, several times as quick as by `json.dumps`."""
    shown: list[Iterable[str | int]] = []
    for name, values in _columns(rows, columns):
        if TYPES[name] == pa.float64():
            values = ["null" if value != value else f"{value:.6g}" for value in values]
        elif name == "flags":
            values = [f"[{', '.join(map(_quote, value))}]" for value in values]
        elif name in NULLABLE:
            values = [_quote(value) if value else "null" for value in values]
        elif TYPES[name] == pa.string():
            values = map(_quote, values)
        shown.append(values)
    return zip(*shown, strict=True)


def _values(rows: Sequence[Prediction], columns: Sequence[str]) -> list[list[Any]]:
    """Give each column's values for Parquet, the same that text tells."""
    found: list[list[Any]] = []
    for name, values in _columns(rows, columns):
        if TYPES[name] == pa.float64():
            values = [None if value != value else float(f"{value:.6g}") for value in values]
        elif name in NULLABLE:
            values = [value or None for value in values]
        found.append(list(values))
    return found


def to_text(rows: Sequence[Prediction], kind: str, columns: Sequence[str]) -> str:
    """Give the lines of rows in TSV, CSV or JSON lines."""
    if kind == "tsv":
        return "".join("\t".join(fields) + "\n" for fields in _fields(rows, columns))
    if kind == "csv":
        return _to_csv(_fields(rows, columns))
    line = "{" + ", ".join(f'"{name}": %s' for name in columns) + "}\n"
    return "".join(map(line.__mod__, _json_fields(rows, columns)))


class _Lines(list[str]):
    """What `csv` writes, a line each."""

    write = list.append


def _to_csv(rows: Iterable[tuple[str, ...]]) -> str:
    """Give rows as CSV; quoted is also a carriage return, which an id of JSON may hold.

    Python quotes what is in its line terminator, and readers take either for the end of a line.
    """
    lines = _Lines()
    csv.writer(lines, lineterminator="\n\r").writerows(rows)
    return "".join(line[:-1] for line in lines)


def to_arrow(rows: Sequence[Prediction], columns: Sequence[str]) -> pa.Table:
    """Give rows as a table with the schema of `columns`."""
    arrays = zip(_values(rows, columns), columns, strict=True)
    return pa.table(
        [pa.array(values, TYPES[name]) for values, name in arrays], schema=schema(columns)
    )


@contextlib.contextmanager
def open_table(
    stream: BinaryIO, kind: str, columns: Sequence[str]
) -> Iterator["TextTable | ParquetTable"]:
    """Write the begin of a table, and its end unless the block raises an error.

    Args:
        stream: Where its bytes go; it is not closed.
        kind: One of `KINDS`.
        columns: Of the table.
    """
    table = ParquetTable(stream, columns) if kind == "parquet" else TextTable(stream, kind, columns)
    try:
        yield table
    except BaseException:
        table.abandon()
        raise
    table.close()


class TextTable:
    """A text table that is being written, in blocks of `BLOCK_BYTES`; see `open_table`."""

    def __init__(self, stream: BinaryIO, kind: str, columns: Sequence[str]) -> None:
        self._stream, self._kind, self._columns = stream, kind, columns
        self._pending = bytearray(header(kind, columns).encode())

    def write(self, rows: Sequence[Prediction]) -> None:
        """Write rows, which may be held back until a block is full."""
        self.copy(to_text(rows, self._kind, self._columns))

    def copy(self, text: str) -> None:
        """Write what is text already."""
        self._pending += text.encode()
        whole = len(self._pending) - len(self._pending) % BLOCK_BYTES
        for start in range(0, whole, BLOCK_BYTES):
            self._stream.write(self._pending[start : start + BLOCK_BYTES])
        del self._pending[:whole]

    def flush(self) -> None:
        """Write what is held back, and pass it on at once."""
        self._stream.write(self._pending)
        self._pending.clear()
        self._stream.flush()

    def close(self) -> None:
        """End the table."""
        self._stream.write(self._pending)
        self._pending.clear()

    def abandon(self) -> None:
        """Leave the table as it is."""


class ParquetTable:
    """A Parquet table that is being written, in row groups of `GROUP_ROWS`; see `open_table`."""

    def __init__(self, stream: BinaryIO, columns: Sequence[str]) -> None:
        self._sink, self._columns = _Sink(stream), columns
        self._pending = schema(columns).empty_table()
        self._writer = pq.ParquetWriter(self._sink, self._pending.schema, compression="zstd")

    def write(self, rows: Sequence[Prediction]) -> None:
        """Write rows, which may be held back until a group is full."""
        self.copy(to_arrow(rows, self._columns))

    def copy(self, rows: pa.Table) -> None:
        """Write what is a table already."""
        self._pending = pa.concat_tables([self._pending, rows])
        while len(self._pending) >= GROUP_ROWS:
            self._write_group(self._pending[:GROUP_ROWS])
            self._pending = self._pending[GROUP_ROWS:]

    def _write_group(self, rows: pa.Table) -> None:
        """Write rows as one group, whatever pieces they came in."""
        self._writer.write_table(rows.combine_chunks(), row_group_size=GROUP_ROWS)

    def flush(self) -> None:
        """Do nothing: the rows of a group are written together."""

    def close(self) -> None:
        """End the table."""
        if len(self._pending):
            self._write_group(self._pending)
        self._writer.close()

    def abandon(self) -> None:
        """Leave the table as it is, without the end that the writer would put to it."""
        self._sink.is_open = False
        self._writer.close()


class _Sink:
    """What Parquet is written to: the stream, until it is closed to it."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.is_open = stream, True

    def write(self, content: bytes) -> int:
        return self._stream.write(content) if self.is_open else len(content)

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        """Do nothing: the stream is its owner's."""
