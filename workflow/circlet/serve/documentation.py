"""What the API's description says of requests and answers."""

from typing import Any

from circlet.serve.bodies import CSV, FASTA, JSON, JSON_LINES
from circlet.serve.schema import (
    EXAMPLE,
    EXAMPLE_ID,
    EXAMPLE_SEQUENCE,
    JsonAnswer,
    JsonQuery,
    Problem,
    State,
)
from circlet.tables import CALL_COLUMNS

_ROW = {
    "id": EXAMPLE_ID,
    "length": len(EXAMPLE_SEQUENCE),
    "p_circrna": 0.0314159,
    "call": "lncRNA",
    "spread": 0.0123456,
    "flags": ["unlike_training"],
}
_CSV_ROW = [";".join(value) if isinstance(value, list) else str(value) for value in _ROW.values()]

DESCRIPTION = """Tells circular RNAs from other long non-coding RNAs by their sequence.

Give spliced transcripts, from 5' to 3', as JSON, FASTA or CSV. Each gets a calibrated probability
of being a circRNA, a call, and flags that say what to mind, such as a sequence unlike those that
the model was trained on. The numbers are those of `circlet predict`.
"""

REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": JsonQuery.model_json_schema(), "example": EXAMPLE},
            FASTA: {
                "schema": {"type": "string", "description": "FASTA."},
                "example": f">{EXAMPLE_ID}\n{EXAMPLE_SEQUENCE}\n",
            },
            CSV: {
                "schema": {
                    "type": "string",
                    "description": "A header with the columns `id` and `sequence`; or without one, "
                    "a column of sequences, or two of ids and sequences.",
                },
                "example": f"id,sequence\n{EXAMPLE_ID},{EXAMPLE_SEQUENCE}\n",
            },
        },
    }
}

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": JsonAnswer,
        "description": "What the model says, in the order of the sequences.",
        "content": {
            JSON: {"example": {"predictions": [_ROW]}},
            JSON_LINES: {
                "schema": {"type": "string", "description": "A prediction a line."},
            },
            CSV: {
                "schema": {"type": "string", "description": "The table of `circlet predict`."},
                "example": f"{','.join(CALL_COLUMNS)}\n{','.join(_CSV_ROW)}\n",
            },
        },
    }
}

_REASONS = {
    400: "The body is no JSON or CSV, or not UTF-8.",
    406: "No type of answer that is accepted is written here.",
    408: "The body did not arrive in time.",
    413: "The body has too many bytes or sequences.",
    415: "The body is of no type that is read here.",
    422: "The body does not say what to classify.",
    429: "Too many requests are waiting: try again after the seconds that `Retry-After` tells.",
    503: "The server is stopping: ask another one.",
    504: "The model did not answer in time: send fewer sequences, or try again.",
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": reason} for status, reason in _REASONS.items()
}
UNREADY: dict[int | str, dict[str, Any]] = {
    503: {"model": State, "description": "The model does not take requests."}
}
