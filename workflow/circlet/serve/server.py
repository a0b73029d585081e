"""Serve a model by HTTP, as a SageMaker endpoint's container and for programs of one's own."""

import argparse
import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
from typing import TYPE_CHECKING

from circlet.errors import InputError
from circlet.serve.settings import Settings, add_options

if TYPE_CHECKING:
    from uvicorn import Config

    from circlet.serve.request_log import RequestLog

KEEP_ALIVE = 75  # s; longer than a load balancer's 60, so that it is the one to close a connection
BACKLOG = 2048  # connections that wait to be accepted

log = logging.getLogger(__name__)


def make_application(settings: Settings) -> "RequestLog":
    """Load the model and make the application of one process.

    Raises:
        InputError: The model cannot be loaded.
    """
    from circlet.serve.api import create_app
    from circlet.serve.counters import make_counters
    from circlet.serve.desk import Desk
    from circlet.serve.request_log import RequestLog

    counters = make_counters()
    app = create_app(Desk(settings, counters), settings.cors_origins)
    return RequestLog(app, counters)


def make_worker() -> "RequestLog":
    """Make the application of a worker process, by the settings that its parent left."""
    from uvicorn.config import STARTUP_FAILURE

    from circlet.serve.request_log import log_as_json

    settings = Settings.of_environment()
    log_as_json(settings.log_level)
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        return make_application(settings)
    except InputError as error:
        log.error("%s", error)
        sys.exit(STARTUP_FAILURE)  # by which the parent knows that it is of no use to try again


def end_with_parent() -> None:
    """Stop the worker when its parent is gone, as by SIGKILL: no one would replace or stop it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def listen(host: str, port: int) -> socket.socket:
    """Open the socket that requests come to.

    Raises:
        InputError: It cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        opened = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        reason = str(getattr(error, "strerror", error)).partition(" (while")[0]
        problem = f"cannot listen at {host} port {port}: {reason}"
        raise InputError("arguments", problem, "give another --host or --port") from None
    opened.set_inheritable(True)
    return opened


def configure(settings: Settings, app: "RequestLog | str") -> "Config":
    """Tell uvicorn how to run; the log is ours."""
    from uvicorn import Config

    from circlet.serve.connections import PatientProtocol

    return Config(
        app,
        factory=isinstance(app, str),
        # By h11: httptools takes headers without end into the memory, h11 no more than 64 KiB.
        http=PatientProtocol,
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=round(settings.grace),
    )


def serve_alone(settings: Settings, opened: socket.socket) -> None:
    """Serve by this process until SIGTERM or SIGINT, after which what came is answered."""
    from uvicorn import Server

    server = Server(configure(settings, make_application(settings)))
    # uvicorn raises the signals anew when it is done: that end is a good one.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, frame: None)
    server.run([opened])


def serve_by_workers(settings: Settings, opened: socket.socket) -> None:
    """Serve by several processes; one that ends is replaced.

    Raises:
        InputError: A worker cannot begin.
    """
    from uvicorn.config import STARTUP_FAILURE
    from uvicorn.supervisors import Multiprocess

    settings.to_environment()
    with tempfile.TemporaryDirectory(prefix="circlet-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        workers = Multiprocess(configure(settings, f"{__name__}:make_worker"), [opened])
        workers.run()
    if any(each.exitcode == STARTUP_FAILURE for each in workers.processes):
        raise InputError("workers", "one could not begin", "see what it says above")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add_options(parser)
    parser.epilog = (
        "Each option has an environment variable too: CIRCLET_PORT stands for --port. "
        "Logs are lines of JSON; the API describes itself at /docs."
    )


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    from circlet.serve.request_log import log_as_json

    settings = Settings.of_arguments(args)
    log_as_json(settings.log_level)
    with listen(settings.host, settings.port) as opened:
        host, port = opened.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        log.info("loading the model; then at %s", address)
        serve = serve_alone if settings.workers == 1 else serve_by_workers
        serve(settings, opened)
