"""What AWS has around a function of Lambda: API Gateway before it, the Runtime API beside it."""

import base64
import contextlib
import itertools
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lambda_inputs import as_event

VERSION = "/2018-06-01/runtime"
PATIENCE = 60  # s
POLL = 0.05  # s


class Handler(BaseHTTPRequestHandler):
    """Reads and answers quietly."""

    protocol_version = "HTTP/1.1"

    def read(self) -> bytes:
        """Give the body of the request."""
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def reply(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        """Answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def listening(handler: type[Handler], **about: object) -> Iterator[str]:
    """Serve on a free port in the block; give the address.

    Args:
        handler: Answers the requests.
        about: Attributes that it gets.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (handler,), about))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=[POLL])
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class FunctionError(Exception):
    """The function failed; its message is what the runtime client reports, as JSON."""


class Invocations:
    """Events on their way to a function, and what comes of them."""

    def __init__(self) -> None:
        self.waiting: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.results: dict[str, Future] = {}
        self.init_error: Future = Future()
        self.numbers = itertools.count()

    def invoke(self, event: dict) -> dict:
        """Wait for what the function answers to an event.

        Raises:
            FunctionError: It fails.
        """
        number, result = f"invocation-{next(self.numbers)}", Future()
        self.results[number] = result
        self.waiting.put((number, json.dumps(event).encode()))
        return json.loads(result.result(PATIENCE))


class RuntimeApi(Handler):
    """Lambda's Runtime API, as AWS describes it."""

    invocations: Invocations

    def do_GET(self) -> None:
        """Give the next event, once there is one."""
        assert self.path == f"{VERSION}/invocation/next"
        number, event = self.invocations.waiting.get()
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": number,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + PATIENCE) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:1:function:circlet",
            "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
        }
        self.reply(200, headers, event)

    def do_POST(self) -> None:
        """Take an answer or an error."""
        body, words = self.read(), self.path.removeprefix(f"{VERSION}/").split("/")
        match words:
            case ["init", "error"]:
                self.invocations.init_error.set_result(json.loads(body))
            case ["invocation", number, "response"]:
                self.invocations.results.pop(number).set_result(body)
            case ["invocation", number, "error"]:
                self.invocations.results.pop(number).set_exception(FunctionError(body.decode()))
        self.reply(202, {"Content-Type": "application/json"}, b'{"status":"OK"}')


class ApiGateway(Handler):
    """An HTTP API of API Gateway whose routes all lead to one function, by payload format 2.0."""

    invocations: Invocations

    def do_GET(self) -> None:
        """As a POST."""
        self.do_POST()

    def do_POST(self) -> None:
        """Translate the request into an event, and the function's answer into a response."""
        event = as_event(self.command, self.path, dict(self.headers), self.read())
        try:
            told = self.invocations.invoke(event)
        except FunctionError:
            kind = {"Content-Type": "application/json"}
            self.reply(500, kind, b'{"message":"Internal Server Error"}')
            return
        body = told.get("body", "")
        content = base64.b64decode(body) if told.get("isBase64Encoded") else body.encode()
        self.reply(told["statusCode"], told.get("headers", {}), content)


@contextlib.contextmanager
def function(
    code: Path, handler: str, log: Path, environment: dict[str, str]
) -> Iterator[tuple[str, Invocations]]:
    """Run a function by AWS' runtime client in the block; give the address of its HTTP API.

    Args:
        code: Folder of its unpacked zip.
        handler: `module.function`.
        log: Where it says what it does.
        environment: Its variables, which are all but PATH that it gets.
    """
    invocations = Invocations()
    with contextlib.ExitStack() as stack:
        runtime = stack.enter_context(listening(RuntimeApi, invocations=invocations))
        gateway = stack.enter_context(listening(ApiGateway, invocations=invocations))
        variables = {"AWS_LAMBDA_RUNTIME_API": runtime, "PYTHONPATH": str(code), **environment}
        command = [sys.executable, "-m", "awslambdaric", handler]
        stream = stack.enter_context(open(log, "w"))
        process = subprocess.Popen(
            command, cwd=code, env=variables, stdout=stream, stderr=subprocess.STDOUT
        )
        try:
            yield f"http://{gateway}", invocations
        finally:
            process.kill()
            process.wait()
