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
    with open(log, "w") as stream, subprocess.Popen([*command, *words], stderr=stream) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_ready(f"{address}/readyz", process, log)
            yield address, process
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
