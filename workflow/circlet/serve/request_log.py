"""A line in the log for each request, with its id; and the counters of them."""

import contextvars
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from circlet.serve.counters import Counters

HEADER = "X-Request-ID"
PROBES = {"/ping", "/healthz", "/readyz", "/metrics"}  # asked every few seconds
UNMATCHED = "unmatched"  # path, in the counters, of what is no route: they must stay few
METHODS = {"GET", "HEAD", "OPTIONS", "POST"}  # likewise, all others are one
OTHER = "other"
_IS_ID = re.compile(r"[\w.:/=+-]{1,128}", re.ASCII).fullmatch

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)
log = logging.getLogger(__name__)


class RequestLog:
    """ASGI middleware: gives each request an id, and tells and counts what became of it.

    Args:
        app: The application.
        counters: Where requests are counted.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], counters: Counters) -> None:
        self._app, self._counters = app, counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; sequences and other content of bodies are never told.

        The id is left to what the server logs of an error: each request is a task of its own.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name, status, started = _id_of(scope), 500, time.perf_counter()
        request_id.set(name)

        async def send_with_id(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", []), (HEADER.lower().encode(), name.encode())]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            self._tell(scope, status, time.perf_counter() - started)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        """Log and count a request."""
        method, path = scope["method"], getattr(scope.get("route"), "path", UNMATCHED)
        counted = method if method in METHODS else OTHER
        self._counters.requests.labels(counted, path, status).inc()
        self._counters.seconds.labels(path).observe(seconds)
        about = {
            "method": method,
            "path": scope["path"],
            "status": status,
            "seconds": round(seconds, 6),
            "client": (scope.get("client") or [None])[0],
        }
        log.log(logging.DEBUG if path in PROBES else logging.INFO, "request", extra=about)


def _id_of(scope: Scope) -> str:
    """Take the id that the client gives its request, if a log can bear it, or make one."""
    given = dict(scope["headers"]).get(HEADER.lower().encode(), b"").decode("latin-1")
    return given if _IS_ID(given) else uuid.uuid4().hex


def _add_id(record: logging.LogRecord) -> bool:
    """Put the id of the request that is worked on into a log record."""
    if request_id.get() is not None:
        record.request_id = request_id.get()
    record.__dict__.pop("color_message", None)  # uvicorn's own, for terminals
    return True


def log_as_json(level: str) -> None:
    """Let all logs of the process be lines of JSON on standard error."""
    handler = logging.StreamHandler()
    handler.addFilter(_add_id)
    fields = "%(levelname)s %(name)s %(message)s"
    renamed = {"levelname": "level", "name": "logger"}
    handler.setFormatter(JsonFormatter(fields, rename_fields=renamed, timestamp="time"))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
