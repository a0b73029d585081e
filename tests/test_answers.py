import json

import pytest

from circlet.call_rows import Prediction
from circlet.serve.answers import Answer, answer, negotiate, write_body
from circlet.serve.bodies import BodyError, read_body
from circlet.tables import CALL_COLUMNS, STRAND_COLUMNS

JSON, CSV = "application/json", "text/csv"
ROWS = [
    Prediction("a,1", 400, 0.987654321, "circRNA", 0.01, ("ambiguous_bases", "unlike_training")),
    Prediction("b", 3, float("nan"), "", float("nan"), ("too_short",)),
]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/html, text/*;q=0.5", CSV),
        ("application/json;q=0.2, text/csv ; q=0.9", CSV),
        ("application/x-ndjson", "application/jsonlines"),
        ("text/html, image/gif, *; q=.2, */*; q=.2", JSON),
        ("APPLICATION/JSONLINES", "application/jsonlines"),
        ("text/csv;q=x, application/json;q=0.1", JSON),
    ],
)
def test_negotiation(accept, kind):
    assert negotiate(accept) == kind


@pytest.mark.parametrize(
    "accept", ["text/html", "application/json;q=0", ",", "text/csv;q=-1", "[a-z]*"]
)
def test_nothing_acceptable(accept):
    with pytest.raises(
        BodyError, match=r"^Accept: none of the types in .*; accept one of "
    ) as caught:
        negotiate(accept)
    assert caught.value.status == 406


def test_json_out():
    content, kind = write_body(Answer(ROWS, CALL_COLUMNS), "")
    assert kind == JSON
    first, second = json.loads(content)["predictions"]
    assert first == {
        "id": "a,1",
        "length": 400,
        "p_circrna": 0.987654,
        "call": "circRNA",
        "spread": 0.01,
        "flags": ["ambiguous_bases", "unlike_training"],
    }
    assert second["p_circrna"] is second["call"] is second["spread"] is None
    content, _ = write_body(Answer(ROWS, CALL_COLUMNS), "application/jsonlines")
    assert [json.loads(line) for line in content.splitlines()] == [first, second]


def test_csv_out():
    content, _ = write_body(Answer(ROWS, (*CALL_COLUMNS, *STRAND_COLUMNS)), CSV)
    assert content.decode().splitlines() == [
        "id,length,p_circrna,call,spread,flags,strand,p_other_strand",
        '"a,1",400,0.987654,circRNA,0.01,ambiguous_bases;unlike_training,,',
        "b,3,,,,too_short,,",
    ]


def test_no_prediction_is_json_too():
    assert json.loads(write_body(Answer([], CALL_COLUMNS), "")[0]) == {"predictions": []}


def test_answer(predictor, sequences):
    body = json.dumps({"sequences": {f"s{row}": bases for row, bases in enumerate(sequences)}})
    expected = list(predictor.predict([(f"s{row}", bases) for row, bases in enumerate(sequences)]))
    found = answer(read_body(body.encode(), JSON), predictor)
    assert found == Answer(expected, CALL_COLUMNS)
    both = read_body(
        json.dumps({"text": sequences[0], "strand": "both", "threshold": 0.0}).encode(), JSON
    )
    (row,), columns = answer(both, predictor)
    assert columns == (*CALL_COLUMNS, *STRAND_COLUMNS)
    assert (row.call, row.strand) in {("circRNA", "+"), ("circRNA", "-")}
