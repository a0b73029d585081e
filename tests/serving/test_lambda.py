"""From an HTTP request to Lambda's function, to the endpoint's container, and back."""

import json
import os
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from lambda_system import Handler, function, listening
from sagemaker_runtime import SageMakerRuntime
from servers import free_port

from circlet.cli import main
from circlet.data.sources.sequences import read_sequences

DEMO = Path(__file__).parents[2] / "workflow/demo"
HANDLER = "circlet.serve.aws_lambda.handler"


@pytest.fixture(scope="module")
def sequences():
    """Real ones of both classes, by their ids."""
    files = [DEMO / f"{name}.chr21.fa" for name in ("circrnas", "lncrnas")]
    found = [list(read_sequences(str(path)))[:6] for path in files]
    return {entry.id: entry.sequence for part in found for entry in part}


@pytest.fixture(scope="module")
def table(sequences, tmp_path_factory):
    """What `circlet predict` says of them, by their ids."""
    folder = tmp_path_factory.mktemp("table")
    text = "".join(f">{name}\n{bases}\n" for name, bases in sequences.items())
    (folder / "some.fa").write_text(text)
    words = ["predict", str(folder / "some.fa"), "--output", str(folder / "calls.jsonl")]
    assert main([*words, "--device", "cpu", "--threads", "1"]) == 0
    rows = [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]
    return {row["id"]: row for row in rows}


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """The function's zip, unpacked: all of circlet that it has."""
    folder = tmp_path_factory.mktemp("code")
    assert main(["package-lambda", "--output", str(folder / "lambda.zip")]) == 0
    with zipfile.ZipFile(folder / "lambda.zip") as archive:
        archive.extractall(folder / "task")
    return folder / "task"


@pytest.fixture(scope="module")
def container(api):
    """Where the endpoint's container is: a list, in which a test may put another place."""
    return [api]


@pytest.fixture(scope="module")
def start(code, container, tmp_path_factory):
    """Give a function that runs Lambda's in a block, before that container."""

    @contextmanager
    def start(**changes):
        log = tmp_path_factory.mktemp("function") / "log"
        with listening(SageMakerRuntime, endpoint="circlet", container=container) as address:
            environment = {
                "PATH": os.environ["PATH"],
                "ENDPOINT_NAME": "circlet",
                "AWS_REGION": "eu-west-1",
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": f"http://{address}",
            }
            with function(code, HANDLER, log, environment | changes) as (url, _):
                yield url, log

    return start


@pytest.fixture(scope="module")
def running(start):
    """Address of the function's HTTP API, and its log."""
    with start() as (url, log):
        yield url, log


@pytest.fixture
def url(running):
    """Where to POST sequences."""
    return f"{running[0]}/predict"


def ask(url, body, **headers):
    """Status and answer to a body: bytes, or what is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json"} | headers
    told = requests.post(url, content, headers=headers, timeout=60)
    assert told.headers["content-type"] == "application/json"
    return told.status_code, told.json()


def assert_same(rows, expected):
    """Check rows against those of `circlet predict`: numbers to 1e-5, the rest to the letter."""
    for row, other in zip(rows, expected, strict=True):
        assert list(row) == list(other)
        for name, value in other.items():
            is_number = isinstance(value, float)
            assert row[name] == (pytest.approx(value, abs=1e-5) if is_number else value)


def test_several_sequences_have_the_numbers_of_circlet_predict(url, sequences, table):
    status, answer = ask(url, {"sequences": sequences})
    assert (status, list(answer)) == (200, ["predictions"])
    assert_same(answer["predictions"], table.values())


@pytest.mark.parametrize("call", ["circRNA", "lncRNA"])
def test_each_class_is_answered(url, sequences, table, call):
    """The prototype answered one to all."""
    row = next(row for row in table.values() if row["call"] == call)
    status, answer = ask(url, {"text": sequences[row["id"]]})
    assert (status, answer["call"]) == (200, call)
    assert answer["p_circrna"] == pytest.approx(row["p_circrna"], abs=1e-5)
    assert_same(answer["predictions"], [row | {"id": "sequence"}])


def test_threshold_and_strand_reach_the_model(url, sequences, table):
    row = next(row for row in table.values() if row["call"] == "circRNA")
    body = {"text": sequences[row["id"]], "threshold": 1.0, "strand": "both"}
    first = ask(url, body)[1]["predictions"][0]
    assert first["call"] == "lncRNA"
    assert row["p_circrna"] in (
        pytest.approx(first["p_circrna"], abs=1e-5),
        pytest.approx(first["p_other_strand"], abs=1e-5),
    )


def test_a_sequence_without_a_call(url):
    answer = ask(url, {"text": "ACGT"})[1]
    assert (answer["call"], answer["p_circrna"]) == (None, None)
    assert answer["predictions"][0]["flags"][0] == "too_short"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "body: Field required"),
        (b"{", "body: not JSON"),
        (b"\xff", "body: not UTF-8"),
        (b">a\nACGT\n", "body: not JSON"),
        ({}, "body: give either"),
        ({"text": "", "threshold": 0.5}, "body.text: String should have"),
        ({"text": "ACGT", "threshold": 2}, "body.threshold: Input should be"),
        ({"sequences": {"a": 5}}, "body.sequences.a: Input should be a valid string"),
    ],
)
def test_bad_bodies_are_422(url, body, problem):
    kind = "application/octet-stream" if body == b"\xff" else "application/json"
    status, answer = ask(url, body, **{"content-type": kind})
    assert (status, list(answer)) == (422, ["detail"])
    assert answer["detail"].startswith(problem)


class Refusing(Handler):
    """A container that refuses all, as ours does what is too much for it."""

    def do_POST(self):  # noqa: N802, a name that http.server gives
        self.read()
        kind = {"Content-Type": "application/json"}
        self.reply(413, kind, b'{"detail": "body: has 3 sequences, more than 2; send fewer"}')


def test_what_the_container_refuses_is_told_in_its_words(url, container, api):
    with listening(Refusing) as address:
        container[0] = f"http://{address}"
        told = ask(url, {"sequences": dict.fromkeys("abc", "ACGT")})
    container[0] = api
    assert told == (413, {"detail": "body: has 3 sequences, more than 2; send fewer"})


def test_502_when_the_container_is_down(url, container, api):
    container[0] = f"http://127.0.0.1:{free_port()}"
    detail = "the endpoint cannot be used (ModelError); try again later"
    assert ask(url, {"text": "ACGT"}) == (502, {"detail": detail})
    container[0] = api
    assert ask(url, {"text": "ACGT"})[0] == 200


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("ENDPOINT_NAME", "other", "ValidationError"),
        ("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "closed", "EndpointConnectionError"),
    ],
)
def test_502_when_the_endpoint_is_down(start, name, value, error):
    value = f"http://127.0.0.1:{free_port()}" if value == "closed" else value
    with start(**{name: value}) as (url, _):
        detail = f"the endpoint cannot be used ({error}); try again later"
        assert ask(f"{url}/predict", {"text": "ACGT"}) == (502, {"detail": detail})
        assert requests.get(f"{url}/health", timeout=60).json() == {"status": "ok"}


def test_its_log_is_json_and_names_the_request_but_no_sequence(running, sequences):
    url, log = running
    bases = next(iter(sequences.values()))
    ask(f"{url}/predict", {"text": bases}, **{"x-test-request": "mine"})
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    told = [line for line in lines if line.get("correlation_id") == "mine"]
    assert [(line["message"], line["letters"]) for line in told] == [("answered", len(bases))]
    assert bases not in log.read_text()


def test_a_function_that_does_not_start_says_why(code, tmp_path):
    missing = HANDLER.replace("handler", "missing")
    environment = {"PATH": os.environ["PATH"]}
    with function(code, missing, tmp_path / "log", environment) as (_, invocations):
        error = invocations.init_error.result(60)
    assert error["errorType"] == "Runtime.HandlerNotFound"
