"""The HTTP API within this process; `tests/serving` has it as a server."""

import hashlib
import json
import logging
import re
import time

import numpy as np
import pytest
from prediction_inputs import classify, fasta_of, write_fasta
from starlette.testclient import TestClient

from circlet.cli import main
from circlet.errors import InputError
from circlet.serve.server import make_application
from circlet.serve.settings import Settings

FASTA, CSV = {"Content-Type": "text/x-fasta"}, {"Content-Type": "text/csv"}


@pytest.fixture
def client(checkpoint_folder):
    yield from open_client(checkpoint_folder)


def open_client(folder, **settings):
    """The API over a small model."""
    application = make_application(Settings(model=str(folder), device="cpu", **settings))
    with TestClient(application, raise_server_exceptions=False) as client:
        client.desk = application._app.state.desk
        yield client


@pytest.mark.parametrize("route", ["/v1/predict", "/invocations"])
def test_the_numbers_of_the_command_line(client, checkpoint_folder, sequences, tmp_path, route):
    fasta = write_fasta(tmp_path / "in.fa", sequences)
    assert classify(checkpoint_folder, tmp_path / "calls.csv", fasta) == 0
    response = client.post(
        route, content=fasta_of(sequences), headers={**FASTA, "Accept": "text/csv"}
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.content == (tmp_path / "calls.csv").read_bytes()


def test_both_strands_and_threshold(client, sequences, predictor):
    body = {"sequences": {"a": sequences[0]}, "strand": "both", "threshold": 0}
    (row,) = client.post("/v1/predict", json=body).json()["predictions"]
    (expected,) = predictor.predict([("a", sequences[0])], 0.0, both_strands=True)
    assert (row["call"], row["strand"]) == ("circRNA", expected.strand)
    assert row["p_other_strand"] == pytest.approx(expected.p_other_strand, abs=1e-6)


def test_requests_have_ids(client):
    given = client.get("/healthz", headers={"X-Request-ID": "mine:1"})
    assert given.headers["x-request-id"] == "mine:1"
    made = {client.get("/healthz").headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2
    for bad in ("a b", "x" * 129, "\u00e9".encode("latin-1")):
        found = client.get("/healthz", headers={"X-Request-ID": bad}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", found)


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        ("{", {}, 415, "is of the type that is not told"),
        ("{", {"Content-Type": "application/json"}, 400, "is not JSON"),
        ("{}", {"Content-Type": "application/json"}, 422, "give either 'text' or 'sequences'"),
        (">a\nAC", {**FASTA, "Accept": "image/png"}, 406, "Accept: none of the types in image/png"),
        (">a\nAC", {**FASTA, "Content-Encoding": "gzip"}, 415, "is compressed"),
    ],
)
def test_refusals(client, body, headers, status, words):
    response = client.post("/v1/predict", content=body, headers=headers)
    assert response.status_code == status
    assert list(response.json()) == ["detail"]
    assert words in response.json()["detail"]


def test_what_would_have_no_effect_is_refused(client):
    response = client.post("/v1/predict?threshold=0.9", content="ACGT", headers=CSV)
    assert response.status_code == 422
    assert response.json()["detail"].startswith("query: has no meaning here; send threshold")


@pytest.mark.parametrize("is_told", [True, False])
def test_a_large_body_is_not_read_to_its_end(checkpoint_folder, is_told):
    taken = 0

    def pieces():
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield b"ACGT" * 25

    for client in open_client(checkpoint_folder, body_bytes=1000):
        headers = {**CSV, "Content-Length": "100000"} if is_told else CSV
        response = client.post("/v1/predict", content=pieces(), headers=headers)
        assert response.status_code == 413
        assert response.json() == {
            "detail": "body: is larger than 1,000 bytes; send the sequences in several requests"
        }


def test_too_many_sequences(checkpoint_folder):
    for client in open_client(checkpoint_folder, records=1):
        assert client.post("/v1/predict", content="A\nC", headers=CSV).status_code == 413


def test_back_pressure(checkpoint_folder):
    for client in open_client(checkpoint_folder, requests=1):
        with client.desk.place() as is_free:
            assert is_free
            response = client.post("/v1/predict", content="ACGT", headers=CSV)
        assert response.status_code == 429
        assert response.headers["retry-after"] == "1"
        assert response.json() == {"detail": "requests: too many are waiting; try again later"}
        assert client.get("/ping").status_code == 200
        assert client.post("/v1/predict", content="ACGT", headers=CSV).status_code == 200


def test_a_model_that_takes_too_long(checkpoint_folder, monkeypatch):
    for client in open_client(checkpoint_folder, timeout=0.2):
        monkeypatch.setattr(
            client.desk.batcher.predictor, "predict", lambda *query: time.sleep(0.6)
        )
        response = client.post("/v1/predict", content="ACGT", headers=CSV)
        assert response.status_code == 504
        assert response.json()["detail"].startswith("model: no answer within 0.2 s")


def test_a_server_that_stops(client):
    client.desk.batcher.stop()
    response = client.post("/v1/predict", content="ACGT", headers=CSV)
    assert response.status_code == 503
    assert response.json() == {"detail": "server: is stopping; ask another one"}
    for probe in ("/readyz", "/ping"):
        assert client.get(probe).status_code == 503
        assert client.get(probe).json() == {"status": "not ready"}
    assert client.get("/healthz").json() == {"status": "ok"}


def test_what_breaks_is_logged_and_not_told(client, monkeypatch, caplog):
    def fail(*query):
        raise InputError("model", "its scores are no finite numbers", "train the run again")

    monkeypatch.setattr(client.desk.batcher.predictor, "predict", fail)
    response = client.post(
        "/v1/predict", content="ACGT", headers={**CSV, "X-Request-ID": "broken-1"}
    )
    assert response.status_code == 500
    assert response.json() == {"detail": "server: internal error; its log tells more"}
    assert response.headers["x-request-id"] == "broken-1"
    assert client.get("/readyz").status_code == 200
    assert 'status="500"' in client.get("/metrics").text


def test_the_model_is_described(client, checkpoint_folder):
    about = client.get("/v1/model").json()
    assert about["model"] == "checkpoint"
    assert about["members"] == ["seed1", "seed2"]
    assert (about["min_length"], about["threshold"]) == (20, 0.5)
    assert (about["training_lengths"], about["calibration"]) == ([30, 80], "platt")
    assert (about["scores"], about["scored_on"]) == ({}, "")
    assert re.fullmatch("[0-9a-f]{64}", about["sha256"])


def test_a_card_that_a_person_wrote_keeps_no_model_from_being_served(checkpoint_folder):
    (checkpoint_folder / "README.md").write_text("# Mine\n\nWords.\n")
    for client in open_client(checkpoint_folder):
        assert client.get("/v1/model").json()["scores"] == {}


def test_a_model_of_one_file(checkpoint_folder, sequences, predictor, tmp_path):
    file = tmp_path / "mine.onnx"
    words = ["--model", str(checkpoint_folder), "--output", str(file)]
    assert main(["export", *words]) == 0
    for client in open_client(file):
        about = client.get("/v1/model").json()
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert (about["model"], about["sha256"]) == ("mine.onnx", digest)
        rows = client.post("/v1/predict", content=fasta_of(sequences), headers=FASTA).json()
        expected = predictor.predict_proba(sequences)
        found = [row["p_circrna"] for row in rows["predictions"]]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_counters(client, sequences):
    content = fasta_of([*sequences, "ACGT"])
    rows = client.post("/v1/predict", content=content, headers=FASTA).json()["predictions"]
    circular = sum(row["call"] == "circRNA" for row in rows)
    client.get("/no/such/route")
    for method in ("MINE", "YOURS"):
        assert client.request(method, "/ping").status_code == 405
    told = dict(
        line.rsplit(" ", 1)
        for line in client.get("/metrics").text.splitlines()
        if not line.startswith("#")
    )
    assert told['circlet_sequences_total{call="none"}'] == "1.0"
    assert float(told['circlet_sequences_total{call="circRNA"}']) == circular > 0
    assert float(told["circlet_nucleotides_total"]) == sum(map(len, sequences)) + 4
    assert told["circlet_batch_requests_count"] == "1.0"
    assert told["circlet_requests_in_flight"] == "0.0"
    ours = 'circlet_http_requests_total{method="POST",path="/v1/predict",status="200"}'
    assert told[ours] == "1.0"
    unmatched = 'circlet_http_requests_total{method="GET",path="unmatched",status="404"}'
    assert told[unmatched] == "1.0"
    other = 'circlet_http_requests_total{method="other",path="/ping",status="405"}'
    assert told[other] == "2.0"


def test_the_log_tells_requests_and_no_sequences(client, caplog):
    caplog.set_level(logging.DEBUG, "circlet")
    client.post("/v1/predict", content="GATTACAGATTACA", headers=CSV)
    client.get("/ping")
    first, second = (each for each in caplog.records if each.name == "circlet.serve.request_log")
    assert (first.levelname, first.method, first.path, first.status) == (
        "INFO",
        "POST",
        "/v1/predict",
        200,
    )
    assert first.seconds > 0
    assert second.levelname == "DEBUG"
    assert "GATTACA" not in json.dumps([vars(each) for each in caplog.records], default=str)


def test_other_origins_may_call_only_where_it_is_said(checkpoint_folder):
    origin = {"Origin": "https://lab.example"}
    asks = {**origin, "Access-Control-Request-Method": "POST"}
    for client in open_client(checkpoint_folder):
        assert client.options("/v1/predict", headers=asks).status_code == 405
        assert "access-control-allow-origin" not in client.get("/healthz", headers=origin).headers
    for client in open_client(
        checkpoint_folder, cors_origins="https://lab.example, https://b.example"
    ):
        allowed = client.options("/v1/predict", headers=asks)
        assert allowed.headers["access-control-allow-origin"] == "https://lab.example"
        other = client.get("/healthz", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


def test_the_page_of_the_description_asks_for_nothing_from_outside(client):
    page = client.get("/docs").text
    assert not re.search(r"(?:src|href)=.https?://", page)
    for path in re.findall(r"(?:src|href)=.(/[^\"']+)", page):
        assert client.get(path).status_code == 200, path
