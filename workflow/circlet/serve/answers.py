"""What the model says of a request's records, and its bodies in each format."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from circlet.call_rows import Prediction, header, to_text
from circlet.errors import InputError
from circlet.serve.bodies import (
    ALIASES,
    CSV,
    JSON,
    JSON_LINES,
    NOT_ACCEPTABLE,
    BodyError,
    Query,
)
from circlet.tables import call_columns

if TYPE_CHECKING:
    from circlet.predict import Predictor


class Answer(NamedTuple):
    """What the model says of a query's records, and the columns that tell it."""

    predictions: list[Prediction]
    columns: tuple[str, ...]


def answer(query: Query, predictor: "Predictor") -> Answer:
    """Classify what a query brings."""
    rows = predictor.predict(query.records, query.threshold, query.both_strands)
    return Answer(list(rows), call_columns(query.both_strands))


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
        if kind in RANGES:
            return RANGES[kind]
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


WRITERS: dict[str, Callable[[Answer], str]] = {
    JSON: _to_json,
    JSON_LINES: _to_json_lines,
    CSV: _to_csv,
}
# What a header `Accept` may say, and the format that it stands for.
RANGES = {
    **{kind: kind for kind in WRITERS},
    **{name: kind for name, kind in ALIASES.items() if kind in WRITERS},
    "*": JSON,  # as of some Java clients
    "*/*": JSON,
    "application/*": JSON,
    "text/*": CSV,
}
