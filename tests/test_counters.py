import subprocess
import sys

from circlet.serve.counters import OF_PROCESSES, make_counters

WORKER = """
import os, signal
from circlet.serve.counters import make_counters
counters = make_counters()
counters.in_flight.inc()
counters.requests.labels("GET", "/ping", 200).inc()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_that_was_killed_has_nothing_in_flight(tmp_path, monkeypatch):
    monkeypatch.setenv(OF_PROCESSES, str(tmp_path))
    assert subprocess.run([sys.executable, "-c", WORKER], timeout=60).returncode == -9
    told = make_counters().expose().decode()
    assert "circlet_requests_in_flight 1.0" not in told
    assert 'circlet_http_requests_total{method="GET",path="/ping",status="200"} 1.0' in told
