"""Bodies of requests, in each format, to records."""

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from pydantic import ValidationError

from circlet.data.records import Entry
from circlet.data.sources.lines import Lines
from circlet.data.sources.sequences import LONGEST, parse_fasta
from circlet.errors import InputError
from circlet.serve.schema import JsonQuery

BODY = "body"  # the place that errors name
JSON, JSON_LINES, CSV, FASTA = (
    "application/json",
    "application/jsonlines",
    "text/csv",
    "text/x-fasta",
)
# Further names of a format, each taken as the one that it stands for.
ALIASES = {
    "application/x-fasta": FASTA,
    "text/plain": FASTA,
    "application/x-ndjson": JSON_LINES,
    "application/csv": CSV,
}
ID, SEQUENCE = "id", "sequence"  # columns of CSV

BAD, NOT_ACCEPTABLE, TOO_LARGE, UNSUPPORTED, INVALID = 400, 406, 413, 415, 422
MIB = 1 << 20


class BodyError(Exception):
    """A body that is refused, in one line.

    Args:
        status: Of HTTP.
        error: What is wrong, and how to mend it.
    """

    def __init__(self, status: int, error: InputError) -> None:
        super().__init__(str(error))
        self.status = status


class Limits(NamedTuple):
    """How much one request may hold.

    Attributes:
        body_bytes: Of the body.
        records: Sequences in it.
    """

    body_bytes: int = 6 * MIB  # as of a SageMaker endpoint
    records: int = 10_000


class Query(NamedTuple):
    """What a request asks.

    Attributes:
        records: Sequences to classify.
        threshold: Call a circRNA from this probability on; None for the model's own.
        both_strands: Whether the strand of the sequences is not known.
    """

    records: list[Entry]
    threshold: float | None = None
    both_strands: bool = False

    @property
    def nt(self) -> int:
        """Length of all sequences."""
        return sum(entry.length for entry in self.records)


def read_body(body: bytes, content_type: str, limits: Limits = Limits()) -> Query:  # noqa: B008
    """Read the sequences that a request brings.

    Args:
        body: The whole of it.
        content_type: `application/json`, `text/x-fasta` or `text/csv`, with or without parameters.
        limits: What is too large.

    Raises:
        BodyError: It is of another type, too large, broken, or has no sequence.
    """
    kind = _plain(content_type)
    if kind not in READERS:
        problem = f"is of the type {kind[:100] or 'that is not told'}"
        raise _refuse(UNSUPPORTED, problem, f"send one of {', '.join(READERS)}")
    if len(body) > limits.body_bytes:
        raise too_large(limits)
    try:
        return READERS[kind](body, limits)
    except InputError as error:
        raise BodyError(INVALID, error) from None


def too_large(limits: Limits) -> BodyError:
    """Make the error of a body that has too many bytes."""
    problem = f"is larger than {limits.body_bytes:,} bytes"
    return _refuse(TOO_LARGE, problem, "send the sequences in several requests")


def _plain(content_type: str) -> str:
    """Give the type of a header `Content-Type` without parameters, by its first name."""
    kind = content_type.partition(";")[0].strip().lower()
    return ALIASES.get(kind, kind)


def _refuse(status: int, problem: str, mend: str, record: str | None = None) -> BodyError:
    """Make the error of a body."""
    return BodyError(status, InputError(BODY, problem, mend, record))


def _within(records: Iterable[Entry], limits: Limits) -> list[Entry]:
    """Take records as they are read: many more than are allowed would not fit into the memory.

    Raises:
        BodyError: There are more.
    """
    found = list(itertools.islice(records, limits.records + 1))
    if len(found) > limits.records:
        problem = f"has more than {limits.records:,} sequences"
        raise _refuse(TOO_LARGE, problem, "send them in several requests")
    return found


def _text(body: bytes) -> str:
    """Decode a body.

    Raises:
        BodyError: It is not UTF-8.
    """
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refuse(BAD, f"is not UTF-8 at byte {error.start:,}", "send text") from None


def _read_json(body: bytes, limits: Limits) -> Query:
    """Read `JsonQuery`."""
    try:
        content = json.loads(
            _text(body), object_pairs_hook=_object, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise _refuse(BAD, f"is not JSON: {str(error)[:200]}", "mend it") from None
    try:
        query = JsonQuery.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        record = ".".join(map(str, first["loc"]))[:100] or None
        problem = first["msg"].removeprefix("Value error, ")
        raise _refuse(INVALID, problem, 'send {"sequences": {"ID": "ACGT"}}', record) from None
    named = {SEQUENCE: query.text} if query.text is not None else query.sequences or {}
    records = (_entry(name, sequence) for name, sequence in named.items())
    return Query(_within(records, limits), query.threshold, query.strand == "both")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of JSON: the second of two equal ids would else take the place of the first.

    Raises:
        ValueError: A name comes twice.
    """
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name[:100]!r} is there twice")
        found[name] = value
    return found


def _refuse_constant(name: str) -> None:
    """Refuse NaN and its like, which Python would take for JSON."""
    raise ValueError(f"{name} is no JSON")


def _read_fasta(body: bytes, limits: Limits) -> Query:
    """Read FASTA."""
    lines = Lines(io.StringIO(_text(body), newline=None), BODY)
    if not lines.first:
        raise _refuse(INVALID, "has no record", "send at least one")
    return Query(_within(parse_fasta(lines.pieces(), BODY, LONGEST), limits))


def _read_csv(body: bytes, limits: Limits) -> Query:
    """Read CSV: with a header, columns `id` and `sequence`; without one, these or the latter."""
    rows = _csv_rows(_text(body))
    first = next(rows, None)
    if first is None:
        raise _refuse(INVALID, "has no row", "send at least one sequence")
    names = [cell.strip().lower() for cell in first[1]]
    is_header = SEQUENCE in names
    places = _places_by_name(names) if is_header else _places_by_order(len(names))
    if not is_header:
        rows = itertools.chain([first], rows)
    entries = (
        _of_row(row, line, len(names), places, number)
        for number, (line, row) in enumerate(rows, start=1)
    )
    query = Query(_within(entries, limits))
    if not query.records:
        raise _refuse(INVALID, "has a header and no row", "send at least one sequence")
    return query


def _places_by_name(names: list[str]) -> tuple[int | None, int]:
    """Find id and sequence among the columns of a header.

    Raises:
        BodyError: It has others and no id: the ids would get lost, or it is a row like the rest.
    """
    if len(names) > 1 and ID not in names:
        problem = f"has {len(names)} columns, and none is named {ID}"
        raise _refuse(INVALID, problem, f"name it, or send the column {SEQUENCE} alone", "header")
    return names.index(ID) if ID in names else None, names.index(SEQUENCE)


def _places_by_order(width: int) -> tuple[int | None, int]:
    """Tell where id and sequence are in rows without a header.

    Raises:
        BodyError: There are more columns than these.
    """
    if width > 2:
        mend = f"give a header with the columns {ID} and {SEQUENCE}"
        raise _refuse(INVALID, f"has {width} columns and no header", mend)
    return (0, 1) if width == 2 else (None, 0)


def _csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of CSV that are not blank, and their line numbers.

    Raises:
        BodyError: It is broken.
    """
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # else 128 KiB; the body bounds it
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise _refuse(BAD, f"is not CSV: {error}", "mend it", f"line {reader.line_num}") from None


def _of_row(
    row: list[str], line: int, width: int, places: tuple[int | None, int], number: int
) -> Entry:
    """Make the record of a row.

    Args:
        row: Its cells.
        line: Its line, for errors.
        width: Cells that it must have.
        places: Of id and sequence among them; a record without one is named by its number.
        number: Of the record.

    Raises:
        BodyError: It has more or fewer cells, or an empty id.
    """
    if len(row) != width:
        raise _refuse(INVALID, f"has {len(row)} cells, not {width}", "mend it", f"line {line}")
    name = f"{SEQUENCE}{number}" if places[0] is None else row[places[0]].strip()
    if not name:
        raise _refuse(INVALID, "has an empty id", "give each sequence an id", f"line {line}")
    return _entry(name, row[places[1]])


def _entry(name: str, sequence: str) -> Entry:
    """Make a record as of a file: without the white space in its sequence, and no longer."""
    letters = "".join(sequence.split())
    return Entry(name, letters[:LONGEST], len(letters))


READERS: dict[str, Callable[[bytes, Limits], Query]] = {
    JSON: _read_json,
    FASTA: _read_fasta,
    CSV: _read_csv,
}
