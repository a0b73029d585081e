"""The step `circlet page`: Streamlit's own server with the page, and nothing that leaves it.

The model is loaded before the port opens: a bad one is an error of the command line, and no visitor
waits for it.
"""

import argparse
import logging
import os
import socket
import sys
from pathlib import Path

from circlet.arguments import DEVICES
from circlet.errors import InputError

SCRIPT = Path(__file__).parent / "page" / "app.py"
EVERYWHERE = ("0.0.0.0", "::")  # no names that a browser could ask for
MOST_PORT = 65535

log = logging.getLogger(__name__)

EXAMPLES = """examples:
  circlet page                                        then open http://127.0.0.1:8501
  circlet page --model results/models/main --threads 4
  circlet page --host 0.0.0.0 --address rna.example.org

The page asks for no password: put a server in front of it that does, before others can reach it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--model", default="default", help="checkpoint folder or ONNX file; see 'circlet models'")
    add("--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 is every one")
    add("--port", type=int, default=8501, help="port to listen at")
    add("--address", help="name under which browsers find it, if not the host")
    add("--device", choices=DEVICES, default="auto", help="where to compute")
    add("--threads", type=int, help="threads; the library's own choice by default")


def check_place(host: str, port: int) -> None:
    """Check that a server can listen there.

    Raises:
        InputError: It cannot.
    """
    if not 1 <= port <= MOST_PORT:
        raise InputError(
            "arguments", f"is {port}", f"give a number from 1 to {MOST_PORT}", "--port"
        )
    try:
        family, kind, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(place)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        mend = "give another --host or --port"
        raise InputError(f"{host}:{port}", f"cannot be listened at ({reason})", mend) from None


def options_of(host: str, port: int, address: str | None) -> dict[str, str]:
    """Give Streamlit's options, which go before those of any file of its own.

    Args:
        host: Address to listen at.
        port: Port to listen at.
        address: Name under which browsers find it, if not the host.
    """
    from circlet.serve.page.records import MOST_UPLOAD_MIB

    return {
        "server.address": host,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.runOnSave": "false",
        "server.enableStaticServing": "false",
        "server.enableCORS": "true",
        "server.enableXsrfProtection": "true",
        "server.maxUploadSize": str(MOST_UPLOAD_MIB),
        # Without one, the server asks a host elsewhere which address it has.
        "browser.serverAddress": address or ("localhost" if host in EVERYWHERE else host),
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
        "global.developmentMode": "false",
        "logger.level": "warning",
        "logger.hideWelcomeMessage": "true",
    }


def keep_to_itself() -> None:
    """Keep the server from asking a host elsewhere for the address that it has.

    It would, whatever its options, for each connection that a foreign page tries to make.
    """
    from streamlit import net_util

    net_util.get_external_ip = lambda: None


def end_at_once() -> None:
    """End the process once the server has stopped, without a wait for what it still computes.

    The interpreter would wait for the threads of all sessions, whose visitors are gone.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    check_place(args.host, args.port)
    from streamlit.web import cli

    from circlet.serve.page.service import Service, install

    install(Service.load(args.model, args.device, args.threads))
    keep_to_itself()
    options = options_of(args.host, args.port, args.address)
    words = [f"--{name}={value}" for name, value in options.items()]
    log.info("the page is at http://%s:%d", options["browser.serverAddress"], args.port)
    cli.main(["run", str(SCRIPT), *words], standalone_mode=False)
    end_at_once()
