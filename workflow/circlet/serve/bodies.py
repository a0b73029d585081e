"""Bodies of requests, in each format, to records; and what the model says of them to bodies."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from circlet.call_rows import Prediction, header, to_text
from circlet.data.records import Entry
from circlet.data.sources.lines import Lines
from circlet.data.sources.sequences import parse_fasta
from circlet.errors import InputError
from circlet.serve.schema import JsonQuery
from circlet.tables import CALL_COLUMNS, STRAND_COLUMNS

if TYPE_CHECKING:
    from circlet.predict import Predictor

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


class Answer(NamedTuple):
    """What the model says of a query's records, and the columns that tell it."""

    predictions: list[Prediction]
    columns: tuple[str, ...]


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
        problem = f"is of the type {kind or 'that is not told'}"
        raise _refuse(UNSUPPORTED, problem, f"send one of {', '.join(READERS)}")
    if len(body) > limits.body_bytes:
        raise too_large(limits)
    try:
        query = READERS[kind](body)
    except InputError as error:
        raise BodyError(INVALID, error) from None
    if len(query.records) > limits.records:
        problem = f"has {len(query.records):,} sequences, more than {limits.records:,}"
        raise _refuse(TOO_LARGE, problem, "send them in several requests")
    return query


def too_large(limits: Limits) -> BodyError:
    """Make the error of a body that has too many bytes."""
    problem = f"is larger than {limits.body_bytes:,} bytes"
    return _refuse(TOO_LARGE, problem, "send the sequences in several requests")


def answer(query: Query, predictor: "Predictor") -> Answer:
    """Classify what a query brings."""
    rows = predictor.predict(query.records, query.threshold, query.both_strands)
    return Answer(list(rows), columns_of(query))


def columns_of(query: Query) -> tuple[str, ...]:
    """Give the columns that the answer to a query has."""
    return (*CALL_COLUMNS, *STRAND_COLUMNS) if query.both_strands else CALL_COLUMNS


def write_body(answer: Answer, accept: str) -> tuple[bytes, str]:
    """Write an answer in the format that is asked for, with numbers as of `circlet predict`.

    Args:
        answer: What to tell.
        accept: A header `Accept`: `application/json`, `application/jsonlines` or `text/csv`, or
            several with or without weights; empty or `*/*` is JSON.

    Returns:
        The body, and its content type.

    Raises:
        BodyError: None of the formats is accepted.
    """
    kind = negotiate(accept)
    return WRITERS[kind](answer).encode(), kind


def negotiate(accept: str) -> str:
    """Choose the format of an answer by a header `Accept`; see `write_body`."""
    for kind in _by_weight(accept or "*/*"):
        found = next((each for each in WRITERS if fnmatch(each, ALIASES.get(kind, kind))), None)
        if found:
            return found
    problem = f"none of the types in {accept:.100} is written here"
    raise BodyError(
        NOT_ACCEPTABLE, InputError("Accept", problem, f"accept one of {', '.join(WRITERS)}")
    )


def _by_weight(accept: str) -> list[str]:
    """Give the media types of a header `Accept`, the most wanted first, without refused ones."""
    weighted = []
    for choice in accept.split(","):
        kind, *parameters = (word.strip().lower() for word in choice.split(";"))
        weights = [word.removeprefix("q=") for word in parameters if word.startswith("q=")]
        try:
            weight = float(weights[0]) if weights else 1.0
        except ValueError:
            weight = 0.0
        weighted.append((weight, kind))
    weighted.sort(key=lambda pair: -pair[0])
    return [kind for weight, kind in weighted if weight > 0]


def _plain(content_type: str) -> str:
    """Give the type of a header `Content-Type` without parameters, by its first name."""
    kind = content_type.partition(";")[0].strip().lower()
    return ALIASES.get(kind, kind)


def _refuse(status: int, problem: str, mend: str, record: str | None = None) -> BodyError:
    """Make the error of a body."""
    return BodyError(status, InputError(BODY, problem, mend, record))


def _text(body: bytes) -> str:
    """Decode a body.

    Raises:
        BodyError: It is not UTF-8.
    """
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refuse(BAD, f"is not UTF-8 at byte {error.start:,}", "send text") from None


def _read_json(body: bytes) -> Query:
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
    named = {SEQUENCE: query.text} if query.sequences is None else query.sequences
    records = [_entry(name, sequence) for name, sequence in named.items()]
    return Query(records, query.threshold, query.strand == "both")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of JSON: the second of two equal ids would else take the place of the first.

    Raises:
        ValueError: A name comes twice.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:100]!r} is there twice")
    return found


def _refuse_constant(name: str) -> None:
    """Refuse NaN and its like, which Python would take for JSON."""
    raise ValueError(f"{name} is no JSON")


def _read_fasta(body: bytes) -> Query:
    """Read FASTA; the body bounds the length of a sequence."""
    lines = Lines(io.StringIO(_text(body), newline=None), BODY)
    if not lines.first:
        raise _refuse(INVALID, "has no record", "send at least one")
    return Query(list(parse_fasta(lines.pieces(), BODY, len(body))))


def _read_csv(body: bytes) -> Query:
    """Read CSV: with a header, columns `id` and `sequence`; without one, these or the latter."""
    rows = _csv_rows(_text(body))
    number, first = next(rows, (0, []))
    if not first:
        raise _refuse(INVALID, "has no row", "send at least one sequence")
    names = [cell.strip().lower() for cell in first]
    if SEQUENCE in names:
        places = names.index(ID) if ID in names else None, names.index(SEQUENCE)
        records = []
    else:
        if len(first) > 2:
            mend = f"give a header with the columns {ID} and {SEQUENCE}"
            raise _refuse(INVALID, f"has {len(first)} columns and no header", mend)
        places = (0, 1) if len(first) == 2 else (None, 0)
        records = [_of_row(first, number, len(first), places, 1)]
    for number, row in rows:
        records.append(_of_row(row, number, len(first), places, len(records) + 1))
    if not records:
        raise _refuse(INVALID, "has a header and no row", "send at least one sequence")
    return Query(records)


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
    """Make a record, without the white space in its sequence, as of a file."""
    letters = "".join(sequence.split())
    return Entry(name, letters, len(letters))


def _to_json(answer: Answer) -> str:
    """Write `JsonAnswer`, the rows as in JSON lines."""
    rows = to_text(answer.predictions, "jsonl", answer.columns).removesuffix("\n")
    return '{"predictions": [' + rows.replace("\n", ", ") + "]}\n"


def _to_json_lines(answer: Answer) -> str:
    """Write a row a line."""
    return to_text(answer.predictions, "jsonl", answer.columns)


def _to_csv(answer: Answer) -> str:
    """Write the table of `circlet predict`."""
    return header("csv", answer.columns) + to_text(answer.predictions, "csv", answer.columns)


READERS: dict[str, Callable[[bytes], Query]] = {
    JSON: _read_json,
    FASTA: _read_fasta,
    CSV: _read_csv,
}
WRITERS: dict[str, Callable[[Answer], str]] = {
    JSON: _to_json,
    JSON_LINES: _to_json_lines,
    CSV: _to_csv,
}
