"""The HTTP API as users start it, on a free port of this machine."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import requests

PATIENCE = 60  # s


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return opened.getsockname()[1]


@contextlib.contextmanager
def serving(log: Path, *words: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """Run `circlet serve` with one thread in the block; give its address and its process.

    Args:
        log: Where it says what it does.
        words: Further options.
    """
    port = free_port()
    command = [sys.executable, "-m", "circlet", "serve", "--port", str(port), "--threads", "1"]
    address = f"http://127.0.0.1:{port}"
    with running([*command, *words], log, f"{address}/readyz") as process:
        yield address, process


@contextlib.contextmanager
def running(
    command: list[str], log: Path, url: str, **options: object
) -> Iterator[subprocess.Popen]:
    """Run a server in the block, from when it answers at a URL; see `subprocess.Popen`."""
    with (
        open(log, "w") as stream,
        subprocess.Popen(command, stdout=stream, stderr=stream, **options) as process,
    ):
        try:
            wait_until_ready(url, process, log)
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
            process.kill()


def wait_until_ready(url: str, process: subprocess.Popen, log: Path) -> None:
    """Wait until a server answers."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(url, timeout=PATIENCE).ok:
                return
        time.sleep(0.1)
    raise AssertionError(f"{url} does not answer:\n{log.read_text()}")
