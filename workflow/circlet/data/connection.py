"""Connections that no server can hold for ever, however little it sends, or however much."""

import http.client
import io
import time
from functools import partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from circlet.data.part import FetchError, Limits

LEAST_SPEED = 1 << 10  # bytes a second, over as long as a silent server would be waited for
SPARE = 1 << 20  # bytes that may come around a small file


def open_session(limits: Limits, ends: float) -> requests.Session:
    """Open a session for one URL.

    Args:
        limits: Seconds to wait for an answer, and bytes that may come.
        ends: When the URL's time is over, by the monotonic clock.

    Returns:
        A session whose requests raise `FetchError`, beside what requests itself raises.
    """
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(limits, ends))
    session.hooks["response"].append(_drop_body_of_redirect)
    return session


def _drop_body_of_redirect(response: requests.Response, **_: Any) -> None:
    """Close an answer that leads elsewhere: requests would keep all of its body in memory."""
    if response.is_redirect:
        response.raw.enforce_content_length = False
        response.close()


class _Adapter(HTTPAdapter):
    """Makes connections whose answers are watched, by a proxy or directly."""

    def __init__(self, limits: Limits, ends: float) -> None:
        self._answer = partial(_Answer, limits=limits, ends=ends)
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = partial(self._connect, type(pool).ConnectionCls)
        return pool

    def _connect(self, kind: type[HTTPConnection], **settings: Any) -> Any:
        connection: Any = kind(**settings)
        connection.response_class = self._answer
        return connection


class _Answer(http.client.HTTPResponse):
    """An answer that is watched from its first byte on."""

    def __init__(self, *args: Any, limits: Limits, ends: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watched = _Watched(self.fp.detach(), limits, ends)
        self.fp = io.BufferedReader(self._watched)

    def begin(self) -> None:
        super().begin()
        self._watched.has_head = True


class _Watched(io.RawIOBase):
    """What comes from a server; each read may find that it is too slow, too late or too much.

    Time-outs of a socket do not see a server that sends a byte a second, or heads or trailers
    without an end.

    Attributes:
        has_head: Whether the answer's head has come; it may not take longer than a silence.
    """

    def __init__(self, raw: io.RawIOBase, limits: Limits, ends: float) -> None:
        self._raw, self._limits, self._ends = raw, limits, ends
        self._begun, self.has_head = time.monotonic(), False
        self._rest = 2 * limits.max_bytes + SPARE
        self._waited, self._came = 0.0, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        begun = time.monotonic()
        if size := self._raw.readinto(buffer):
            self._judge(size, begun, time.monotonic())
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()

    def _judge(self, size: int, begun: float, now: float) -> None:
        """Raise `FetchError` if this is no way to send a file; our own pauses do not count."""
        timeout = self._limits.timeout
        self._rest -= size
        self._came += size
        self._waited += now - begun
        if now > self._ends:
            raise FetchError("not whole in the time allowed (--max-minutes)")
        if not self.has_head and now - self._begun > timeout:
            raise FetchError(f"no whole head of an answer came within {timeout:g} s", retry=True)
        if self._rest < 0:
            raise FetchError("more came around the file than a file may have (--max-mib)")
        if self._waited > timeout:
            if self._came < LEAST_SPEED * self._waited:
                raise FetchError(f"fewer than {LEAST_SPEED:,} bytes a second came", retry=True)
            self._waited, self._came = 0.0, 0
