"""The HTTP API as a server: its numbers, and what it does under load and when it is stopped."""

import concurrent.futures
import contextlib
import io
import itertools
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import requests
from prediction_inputs import classify
from requests.adapters import HTTPAdapter
from servers import PATIENCE, serving
from urllib3.util import Retry

from circlet.data.sources.sequences import read_sequences
from circlet.models import SHIPPED

DEMO = Path(__file__).resolve().parents[2] / "workflow/demo/circrnas.chr21.fa"
SEQUENCE = next(iter(read_sequences(DEMO))).sequence


@pytest.fixture(scope="module")
def records() -> dict[str, str]:
    """The demo's circRNAs."""
    return {entry.id: entry.sequence for entry in read_sequences(DEMO)}


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> pd.DataFrame:
    """What the command line says of them."""
    output = tmp_path_factory.mktemp("calls") / "calls.tsv"
    assert classify(SHIPPED, output, str(DEMO)) == 0
    return pd.read_csv(output, sep="\t", keep_default_na=False)


def post(address: str, body: object, **options: object) -> requests.Response:
    """Ask for predictions, by JSON."""
    return requests.post(f"{address}/v1/predict", json=body, timeout=PATIENCE, **options)


def check(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Compare rows with those of the command line."""
    assert found["id"].tolist() == expected["id"].tolist()
    assert found["call"].tolist() == expected["call"].tolist()
    for name in ("p_circrna", "spread"):
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-5)


def test_json(api, records, expected):
    rows = pd.DataFrame(post(api, {"sequences": records}).json()["predictions"])
    check(rows, expected)
    assert [";".join(flags) for flags in rows["flags"]] == expected["flags"].tolist()


@pytest.mark.parametrize("accept", ["text/csv", "application/jsonlines"])
@pytest.mark.parametrize("route", ["v1/predict", "invocations"])
def test_fasta(api, expected, route, accept):
    headers = {"Content-Type": "text/x-fasta", "Accept": accept}
    told = requests.post(
        f"{api}/{route}", data=DEMO.read_bytes(), headers=headers, timeout=PATIENCE
    ).text
    read = pd.read_csv if accept == "text/csv" else lambda text: pd.read_json(text, lines=True)
    check(read(io.StringIO(told)), expected)


def test_each_of_many_clients_gets_its_own(api, records, expected):
    """What is classified together is told apart."""
    ask = lambda item: post(api, {"sequences": dict([item])}).json()["predictions"][0]  # noqa: E731
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        check(pd.DataFrame(pool.map(ask, records.items())), expected)
    told = requests.get(f"{api}/metrics", timeout=PATIENCE).text
    alone = re.search(r'circlet_batch_requests_bucket\{le="1.0"\} (\d+)', told)
    every = re.search(r"circlet_batch_requests_count (\d+)", told)
    assert int(alone[1]) < int(every[1])


def test_a_stopped_server_answers_what_it_has(tmp_path, records):
    with (
        serving(tmp_path / "log") as (address, process),
        concurrent.futures.ThreadPoolExecutor(4) as pool,
    ):
        bodies = [{"sequences": records}] * 4
        answers = [pool.submit(post, address, body) for body in bodies]
        wait_for(lambda: "in_flight 4.0" in requests.get(f"{address}/metrics", timeout=60).text)
        process.send_signal(signal.SIGTERM)
        assert [len(each.result().json()["predictions"]) for each in answers] == [92] * 4
        assert process.wait(PATIENCE) == 0
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {line["level"] for line in lines} == {"INFO"}
    assert [line["status"] for line in lines if line["message"] == "request"] == [200] * 4
    assert all(re.match(r"2\d{3}-\d\d-\d\dT.*\+00:00$", line["time"]) for line in lines)


def workers_of(log: Path) -> list[int]:
    """Processes that have begun to serve."""
    lines = (json.loads(line)["message"] for line in log.read_text().splitlines())
    told = (re.fullmatch(r"Started server process \[(\d+)\]", line) for line in lines)
    return [int(found[1]) for found in told if found]


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """Address and log of a server of two processes."""
    log = tmp_path_factory.mktemp("workers") / "log"
    with serving(log, "--workers", "2") as (address, process):
        wait_for(lambda: len(workers_of(log)) == 2)
        yield address, log
        process.terminate()
        assert process.wait(PATIENCE) == 0


def answered(address: str) -> float:
    """How many predictions a server says to have answered well."""
    told = requests.get(f"{address}/metrics", timeout=PATIENCE).text
    found = re.search(r'path="/v1/predict",status="200"} (\S+)', told)
    return float(found[1]) if found else 0


def test_counters_are_of_all_workers(two_workers):
    address, _ = two_workers
    before = answered(address)
    for _ in range(8):
        assert post(address, {"text": SEQUENCE}, headers={"Connection": "close"}).ok
    assert answered(address) - before == 8


@pytest.mark.parametrize("keeps_connections", [False, True])
def test_nothing_is_lost_when_a_worker_is_stopped_under_load(two_workers, keeps_connections):
    """A request is sent anew if its idle connection is closed meanwhile (RFC 9112, 9.3.1)."""
    (address, log), is_over, asked = two_workers, threading.Event(), itertools.count()

    def ask(_: int) -> list[tuple[int, str]]:
        session, done = requests.Session(), []
        again = Retry(total=2, connect=2, read=2, allowed_methods=None) if keeps_connections else 0
        session.mount("http://", HTTPAdapter(max_retries=again))
        headers = {} if keeps_connections else {"Connection": "close"}
        while not is_over.is_set():
            name = f"q{next(asked)}"
            body = {"sequences": {name: SEQUENCE}}
            response = session.post(
                f"{address}/v1/predict", json=body, headers=headers, timeout=PATIENCE
            )
            assert response.json()["predictions"][0]["id"] == name
            done.append((response.status_code, response.json()["predictions"][0]["call"]))
        return done

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(ask, number) for number in range(8)]
        try:
            time.sleep(1)
            begun = workers_of(log)
            os.kill(begun[-1], signal.SIGTERM)
            wait_for(lambda: len(workers_of(log)) == len(begun) + 1)
            time.sleep(1)
        finally:
            is_over.set()
        answers = [answer for client in clients for answer in client.result()]
    assert len(answers) == next(asked)
    assert len(answers) > 50
    assert len(set(answers)) == 1
    assert answers[0][0] == 200


def test_a_connection_made_before_the_end_is_answered(tmp_path):
    ask = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(tmp_path / "log") as (address, process):
        host, port = address.removeprefix("http://").split(":")
        place = (host, int(port))
        with (
            socket.create_connection(place, PATIENCE) as asking,
            socket.create_connection(place, PATIENCE) as silent,
        ):
            assert requests.get(f"{address}/readyz", timeout=PATIENCE).ok  # those are accepted, too
            process.terminate()
            wait_for(lambda: socket.socket().connect_ex(place) != 0)
            asking.sendall(ask)
            assert asking.makefile("rb").read().startswith(b"HTTP/1.1 200 ")  # to its end
            assert silent.recv(1) == b""
        assert process.wait(PATIENCE) == 0


def test_workers_end_with_their_parent(tmp_path):
    log = tmp_path / "log"
    with serving(log, "--workers", "2") as (address, process):
        port = int(address.rpartition(":")[2])
        wait_for(lambda: len(workers_of(log)) == 2)
        process.kill()
        try:
            wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) != 0)
        finally:
            for worker in workers_of(log):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)


def test_what_is_too_much_is_refused_at_once(tmp_path, records):
    with (
        serving(tmp_path / "log", "--requests", "2") as (address, _),
        concurrent.futures.ThreadPoolExecutor(12) as pool,
    ):
        answers = list(pool.map(lambda _: post(address, {"sequences": records}), range(36)))
        assert {each.status_code for each in answers} == {200, 429}
        assert {each.headers.get("Retry-After") for each in answers} == {None, "1"}
        assert post(address, {"text": SEQUENCE}).ok


def send(address: str, content: bytes) -> bytes:
    """Send what is no whole request; give what comes back."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), PATIENCE) as client:
        client.sendall(content)
        return client.recv(1 << 16)


def test_clients_that_are_slow_or_go_away(tmp_path):
    begin = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
    half = begin + b"Content-Length: 100\r\n\r\nACGT"
    with serving(tmp_path / "log", "--timeout", "1", "--requests", "4") as (address, _):
        for _ in range(8):  # more than there are places
            host, port = address.removeprefix("http://").split(":")
            socket.create_connection((host, int(port))).sendall(half)
        time.sleep(1.5)
        assert post(address, {"text": SEQUENCE}).ok
        assert send(address, half).startswith(b"HTTP/1.1 408 ")
        assert send(address, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        huge = begin + b"Content-Length: 99999999999\r\n\r\n"
        assert send(address, huge).startswith(b"HTTP/1.1 413 ")
        endless = begin + b"X-More: " + b"a" * 70_000
        assert send(address, endless).startswith(b"HTTP/1.1 400 ")
        told = requests.get(f"{address}/metrics", timeout=PATIENCE).text
        assert "circlet_requests_in_flight 0.0" in told
        assert 'status="499"} 8.0' in told
        assert 'status="500"' not in told
