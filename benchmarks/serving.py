r"""How the HTTP API bears load, against the prototype's way, in one run.

    python benchmarks/serving.py --fasta workflow/demo/circrnas.chr21.fa --output serving.tsv

Each request brings one sequence of the file, in turn, as JSON. It is answered by

- the prototype's network (random weights: they do not change the speed) on the first 400 nt, one
  request after the other, as its endpoint did;
- circlet's model, one request after the other;
- `circlet serve`, which classifies together what waits at the same time;
- with `--workers`, that with as many processes.

The servers are otherwise the same, with one thread each, and run one after the other. `wrk` is the
client, on the same machine: it keeps 1, 8 and 64 connections and sends a request as soon as the
one before it on the connection is answered. Ratios of the rate are to the prototype with as many
clients.
"""

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import requests
from prediction import PROTOTYPE_NT, make_prototype

from circlet.call_rows import Prediction
from circlet.data.records import Entry
from circlet.data.sources.sequences import read_sequences
from circlet.errors import InputError
from circlet.files import write_table
from circlet.serve import batching, desk
from circlet.serve.server import listen, serve_alone
from circlet.serve.settings import Settings

CLIENTS = (1, 8, 64)
ALONE, PROTOTYPE, SERVE = "circlet, one at a time", "prototype, one at a time", "circlet serve"
# Answers are checked by wrk (status) and counted; percentiles are of all of them.
LUA = """
local bodies = {%s}
local count = 0
request = function()
  count = count + 1
  return wrk.format("POST", "/v1/predict", {["Content-Type"] = "application/json"},
                    bodies[count %% #bodies + 1])
end
done = function(summary, latency, requests)
  local e = summary.errors
  local row = '{"requests": %%d, "us": %%d, "p50": %%d, "p99": %%d, "errors": %%d}'
  io.write(string.format("told " .. row .. "\\n", summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""

log = logging.getLogger(__name__)


class PrototypePredictor:
    """The prototype behind the interface that a server asks of a model."""

    def __init__(self) -> None:
        self._classify = make_prototype()

    def predict(self, records: Iterable[Entry], *settings: object) -> Iterator[Prediction]:
        """Classify one sequence after the other."""
        for record in records:
            entry = Entry(*record) if len(record) == 3 else Entry(*record, len(record[1]))
            (p,) = self._classify([entry.sequence[:PROTOTYPE_NT]])
            yield Prediction(entry.id, entry.length, p, "circRNA" if p >= 0.5 else "lncRNA", 0.0)


def serve_variant(way: str, port: int, model: str) -> None:
    """Serve without batches, which is no option of `circlet serve`; the prototype or our model."""
    from circlet.predict import Predictor

    batching.MOST_RECORDS = 1
    if way == PROTOTYPE:
        about = desk.describe(Predictor.from_pretrained(model, "cpu", 1), model)
        desk.describe = lambda predictor, model: about
        Predictor.from_pretrained = lambda *words: PrototypePredictor()
    with listen("127.0.0.1", port) as opened:
        serve_alone(Settings(model, "cpu", 1, requests=10_000), opened)


def command_of(way: str, port: int, model: str, workers: int) -> list[str]:
    """Give the command that serves in a way."""
    if way in (PROTOTYPE, ALONE):
        return [sys.executable, __file__, "--variant", way, "--port", str(port), "--model", model]
    words = ["--port", str(port), "--model", model, "--threads", "1", "--workers", str(workers)]
    return [sys.executable, "-m", "circlet", "serve", "--log-level", "warning", *words]


def press(address: str, script: Path, clients: int, seconds: int) -> dict[str, Any]:
    """Press a server; tells its rate, latencies and errors."""
    command = ["wrk", "--threads", "1", "--connections", str(clients), "--script", str(script)]
    command += ["--duration", f"{seconds}s", "--timeout", "60s", address]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = json.loads(next(line for line in told.splitlines() if line.startswith("told "))[5:])
    return {
        "clients": clients,
        "requests": found["requests"],
        "requests_per_s": found["requests"] / found["us"] * 1e6,
        "p50_ms": found["p50"] / 1e3,
        "p99_ms": found["p99"] / 1e3,
        "errors": found["errors"],
    }


def measure(way: str, args: argparse.Namespace, script: Path, workers: int) -> list[dict[str, Any]]:
    """Start a server, warm it up and press it by few and many clients."""
    port = int(args.port)
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command_of(way, port, args.model, workers)) as process:
        try:
            wait_for(f"{address}/readyz")
            press(address, script, 8, 2)
            rows = [press(address, script, clients, args.seconds) for clients in CLIENTS]
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        finally:
            process.kill()
    for row in rows:
        row["way"] = way if workers == 1 else f"{way}, {workers} workers"
        log.info("%s", row)
    return rows


def wait_for(url: str) -> None:
    """Wait until a server answers."""
    for _ in range(600):
        try:
            if requests.get(url, timeout=60).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise InputError(url, "does not answer", "look at the server's log")


def write_script(path: Path, fasta: str) -> None:
    """Write what wrk sends: a body a sequence."""
    bodies = (json.dumps({"sequences": {each.id: each.sequence}}) for each in read_sequences(fasta))
    path.write_text(LUA % ",\n".join(map(json.dumps, bodies)))


def main() -> None:
    """Measure all ways."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--fasta", help="sequences to send")
    add("--model", default="default", help="checkpoint folder")
    add("--output", help="table")
    add("--seconds", type=int, default=20, help="of each measurement")
    add("--workers", type=int, default=1, help="also measure this many processes")
    add("--port", type=int, default=18080)
    add("--variant", choices=(ALONE, PROTOTYPE), help=argparse.SUPPRESS)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if args.variant:
        logging.getLogger().setLevel(logging.WARNING)
        serve_variant(args.variant, args.port, args.model)
        return
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "load.lua"
        write_script(script, args.fasta)
        rows = [row for way in (PROTOTYPE, ALONE, SERVE) for row in measure(way, args, script, 1)]
        if args.workers > 1:
            rows += measure(SERVE, args, script, args.workers)
    table = pd.DataFrame(rows)
    of_prototype = table[table["way"] == PROTOTYPE].set_index("clients")["requests_per_s"]
    table["ratio"] = table["requests_per_s"] / table["clients"].map(of_prototype)
    write_table(args.output, table[["way", *table.columns.drop("way")]])


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
