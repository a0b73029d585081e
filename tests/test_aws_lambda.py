import io
import json
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber
from lambda_inputs import as_event

from circlet.serve import aws_lambda

CONTEXT = SimpleNamespace(
    function_name="circlet",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:circlet",
    aws_request_id="invocation-1",
)
BODY = 'send {"text": "ACGT..."} or {"sequences": {"id": "ACGT..."}}'
SEQUENCE = "ACGTTGCAACGTTGCAACGTTGCA"


@pytest.fixture
def endpoint(monkeypatch):
    """A stub in place of the endpoint: what it shall be asked and answer is told to it."""
    monkeypatch.setenv("ENDPOINT_NAME", "circlet")
    monkeypatch.setattr(aws_lambda, "PAUSE_SECONDS", 0)
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    client = boto3.client("sagemaker-runtime", "eu-west-1", **keys)
    monkeypatch.setattr(aws_lambda, "client", lambda: client)
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def prediction(call, p_circrna, record="sequence", **more):
    """What the endpoint says of a sequence."""
    about = {"id": record, "length": 24, "p_circrna": p_circrna, "call": call, "spread": 0.01}
    return about | {"flags": []} | more


def answering(*predictions):
    """A response of the endpoint; of a text as it is, else of these predictions."""
    first = predictions[0]
    body = first if isinstance(first, str) else json.dumps({"predictions": predictions})
    return {"Body": StreamingBody(io.BytesIO(body.encode()), len(body.encode()))}


def post(body, **headers):
    """Status and answer of the function for a body: bytes, or what is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    event = as_event("POST", "https://api/predict", headers, content)
    response = aws_lambda.handler(event, CONTEXT)
    assert response["headers"]["Content-Type"] == "application/json"
    return response["statusCode"], json.loads(response["body"])


@pytest.mark.parametrize(
    ("call", "p_circrna"),
    [("circRNA", 0.98), ("lncRNA", 0.02), ("circRNA", 1.0), ("lncRNA", 0.0), (None, None)],
)
def test_each_class_is_answered(endpoint, call, p_circrna):
    """The prototype compared "1.0" with 1, and answered one class to all."""
    told = prediction(call, p_circrna)
    expected = {
        "EndpointName": "circlet",
        "ContentType": "application/json",
        "Accept": "application/json",
        "Body": json.dumps({"text": SEQUENCE}, separators=(",", ":")).encode(),
    }
    endpoint.add_response("invoke_endpoint", answering(told), expected)
    answer = {"call": call, "p_circrna": p_circrna, "predictions": [told]}
    assert post({"text": SEQUENCE}) == (200, answer)


def test_several_sequences_are_asked_and_answered_in_their_order(endpoint):
    told = [
        prediction("lncRNA", 0.2, "b", strand="-", p_other_strand=0.1),
        prediction(None, None, "a", flags=["too_short"], strand=None, p_other_strand=None),
    ]
    body = {"sequences": {"b": SEQUENCE, "a": "AC"}, "threshold": 0.25, "strand": "both"}
    kinds = dict.fromkeys(("ContentType", "Accept"), "application/json")
    sent = json.dumps(body, separators=(",", ":")).encode()
    expected = {"EndpointName": "circlet", "Body": sent, **kinds}
    endpoint.add_response("invoke_endpoint", answering(*told), expected)
    assert post(body) == (200, {"predictions": told})


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "body: Field required"),
        (b"null", "body: Field required"),
        (b"{", "body: not JSON: Expecting property name enclosed in double quotes"),
        (b"[" * 100_000, "body: not JSON: nested too deep"),
        (b'{"text": "\\ud800"}', "body.text: Input should be a valid string, unable to parse"),
        ([SEQUENCE], "body: Input should be a valid dictionary"),
        ([{"text": SEQUENCE}, {"text": "ACGT"}], "body: Input should be a valid dictionary"),
        (b"1" * 5000, "body: not JSON: a number has too many digits"),
        (b'{"sequences": {"a": "\\ud800"}}', "body.sequences.a: Input should be a valid string"),
        ({}, "body: give either 'text' or 'sequences'"),
        ({"text": "A", "sequences": {"a": "A"}}, "body: give either 'text' or 'sequences'"),
        ({"text": ""}, "body.text: String should have at least 1 character"),
        ({"text": 5}, "body.text: Input should be a valid string"),
        ({"text": [SEQUENCE]}, "body.text: Input should be a valid string"),
        ({"texts": SEQUENCE}, "body.texts: Extra inputs are not permitted"),
        ({"sequences": {}}, "body.sequences: Dictionary should have at least 1 item"),
        ({"sequences": [SEQUENCE]}, "body.sequences: Input should be a valid dictionary"),
        ({"sequences": {"": "A"}}, "body.sequences..[key]: String should have at least 1"),
        ({"sequences": {"a" * 1000: 1}}, "body.sequences.aaaaaa"),
        (b'{"sequences": {"a": "A", "a": "C"}}', "body: not JSON: a name is there twice"),
        ({"text": "A", "threshold": 1.5}, "body.threshold: Input should be less than or equal"),
        ({"text": "A", "threshold": float("nan")}, "body.threshold: Input should be"),
        ({"text": "A", "threshold": "0.5"}, "body.threshold: Input should be a valid number"),
        ({"text": "A", "strand": "+"}, "body.strand: Input should be 'given' or 'both'"),
    ],
)
def test_a_bad_body_is_refused_and_not_sent(endpoint, body, problem):
    status, answer = post(body)
    assert status == 422
    assert answer["detail"].startswith(problem)
    assert answer["detail"].endswith(f"; {BODY}")
    assert list(answer) == ["detail"]


def test_bytes_that_are_no_text_are_refused(endpoint):
    kind = {"Content-Type": "application/octet-stream"}
    assert post(b"\xff\xfe", **kind) == (422, {"detail": f"body: not UTF-8; {BODY}"})


@pytest.mark.parametrize("told", [{"isBase64Encoded": True, "body": "abcde"}, {"headers": None}])
def test_events_that_api_gateway_does_not_send(endpoint, told):
    event = as_event("POST", "https://api/predict", {}, b"{}") | told
    assert aws_lambda.handler(event, CONTEXT)["statusCode"] == 422


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_json_is_read_whatever_type_it_is_said_to_be(endpoint, kind):
    """As `curl --data` says of it."""
    endpoint.add_response("invoke_endpoint", answering(prediction("lncRNA", 0.1)))
    assert post({"text": SEQUENCE}, **{"Content-Type": kind})[0] == 200


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"text": "A" * 4_000_000}, "4000000 bytes"),
        ({"sequences": {str(row): "A" for row in range(1001)}}, "1000 sequences"),
    ],
)
def test_more_than_an_endpoint_takes_is_refused(endpoint, body, what):
    assert post(body) == (413, {"detail": f"body: more than {what}; send fewer at once"})


REFUSED = json.dumps({"detail": "sequences: x: is no nucleotide; send bases"})


@pytest.mark.parametrize(
    ("code", "fields", "expected"),
    [
        ("ModelError", (422, REFUSED), (422, "sequences: x: is no nucleotide; send bases")),
        ("ModelError", (429, '{"detail": "busy"}'), (429, "busy")),
        ("ModelError", (415, "two\nlines"), (415, "two lines")),
        ("ModelError", (400, "[1]"), (400, "[1]")),
        ("ModelError", (400, ""), (400, "the endpoint refused it")),
        (
            "ModelError",
            (500, "Traceback of the container"),
            (502, "the endpoint cannot be used (ModelError); try again later"),
        ),
        (
            "ValidationError",
            None,
            (502, "the endpoint cannot be used (ValidationError); try again later"),
        ),
    ],
)
def test_errors_of_the_endpoint(endpoint, code, fields, expected):
    modeled = dict(zip(("OriginalStatusCode", "OriginalMessage"), fields or (), strict=False))
    endpoint.add_client_error("invoke_endpoint", code, modeled_fields=modeled)
    status, detail = expected
    assert post({"text": SEQUENCE}) == (status, {"detail": detail})


def test_what_passes_is_tried_once_more(endpoint):
    endpoint.add_client_error("invoke_endpoint", "ThrottlingException")
    endpoint.add_response("invoke_endpoint", answering(prediction("circRNA", 0.9)))
    assert post({"text": SEQUENCE})[1]["call"] == "circRNA"


def test_an_endpoint_that_stays_busy(endpoint):
    for _ in range(2):
        endpoint.add_client_error("invoke_endpoint", "ThrottlingException")
    detail = "the endpoint is busy; try again in a moment"
    assert post({"text": SEQUENCE}) == (429, {"detail": detail})


class Failing:
    """A client whose requests fail, and are counted."""

    def __init__(self, error):
        self.error, self.requests = error, 0

    def invoke_endpoint(self, **request):
        self.requests += 1
        raise self.error


@pytest.mark.parametrize(
    ("error", "requests", "expected"),
    [
        (ReadTimeoutError, 1, (504, "no answer within 24 s; try again in a minute")),
        (
            EndpointConnectionError,
            2,
            (502, "the endpoint cannot be used (EndpointConnectionError); try again later"),
        ),
    ],
)
def test_an_endpoint_that_is_not_reached(endpoint, monkeypatch, error, requests, expected):
    client = Failing(error(endpoint_url="https://runtime"))
    monkeypatch.setattr(aws_lambda, "client", lambda: client)
    assert post({"text": SEQUENCE}) == (expected[0], {"detail": expected[1]})
    assert client.requests == requests


NO_SENSE = "the endpoint's answer makes no sense; try again later"
SOMETHING_ELSE = "the endpoint answered something else; try again later"


@pytest.mark.parametrize(
    ("told", "detail"),
    [
        (["<html>"], NO_SENSE),
        (['{"predictions": 1}'], NO_SENSE),
        ([prediction("lincRNA", 0.5)], NO_SENSE),
        ([prediction("circRNA", 1.5)], NO_SENSE),
        ([prediction("circRNA", "1.0")], NO_SENSE),
        ([prediction("circRNA", float("nan"))], NO_SENSE),
        (['{"predictions": []}'], SOMETHING_ELSE),
        ([prediction("circRNA", 0.9), prediction("circRNA", 0.9)], SOMETHING_ELSE),
    ],
)
def test_an_answer_that_makes_no_sense(endpoint, told, detail):
    endpoint.add_response("invoke_endpoint", answering(*told))
    assert post({"text": SEQUENCE}) == (502, {"detail": detail})


def test_an_answer_about_other_sequences(endpoint):
    endpoint.add_response("invoke_endpoint", answering(prediction("circRNA", 0.9, "b")))
    assert post({"sequences": {"a": SEQUENCE}}) == (502, {"detail": SOMETHING_ELSE})


@pytest.mark.parametrize(
    ("method", "path", "status", "answer"),
    [
        ("GET", "/health", 200, {"status": "ok"}),
        ("GET", "/predict", 404, {"detail": "no such path; POST /predict or GET /health"}),
        ("POST", "/other", 404, {"detail": "no such path; POST /predict or GET /health"}),
    ],
)
def test_paths(method, path, status, answer):
    response = aws_lambda.handler(as_event(method, f"https://api{path}", {}, None), CONTEXT)
    assert (response["statusCode"], json.loads(response["body"])) == (status, answer)


def test_logs_are_json_with_the_request_and_without_the_sequence(endpoint, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(aws_lambda.logger.registered_handler, "stream", stream)
    endpoint.add_response("invoke_endpoint", answering(prediction("circRNA", 0.9)))
    endpoint.add_response("invoke_endpoint", answering(SEQUENCE))
    fields = {"OriginalStatusCode": 422, "OriginalMessage": SEQUENCE}
    endpoint.add_client_error("invoke_endpoint", "ModelError", SEQUENCE, modeled_fields=fields)
    for number in range(3):
        post({"text": SEQUENCE}, **{"x-test-request": f"r{number}"})
    post({"text": SEQUENCE, SEQUENCE: 1}, **{"x-test-request": "r3"})
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["correlation_id"], line["message"]) for line in lines] == [
        ("r0", "answered"),
        ("r1", "the answer makes no sense"),
        ("r2", "no answer"),
        ("r3", "refused"),
    ]
    assert (lines[0]["records"], lines[0]["letters"], lines[2]["status"]) == (1, 24, 422)
    assert SEQUENCE not in stream.getvalue()


def test_a_client_waits_no_longer_than_api_gateway(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    aws_lambda.client.cache_clear()
    config = aws_lambda.client().meta.config
    waits = 2 * config.connect_timeout + config.read_timeout + aws_lambda.PAUSE_SECONDS
    assert (waits, config.retries["total_max_attempts"]) == (28.5, 1)
    aws_lambda.client.cache_clear()
