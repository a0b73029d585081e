"""An upstream on loopback that answers as a test tells it to, down to the byte."""

import contextlib
import datetime
import ipaddress
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ETAG = '"v1"'
ZEROS = bytes(1 << 16)
LONGEST = 30  # seconds that an answer without an end goes on, whatever a test forgets


class Handler(BaseHTTPRequestHandler):
    """Sends what the path's answer yields, and then hangs up."""

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        answer = self.server.answers.get(self.path.partition("?")[0], missing)
        ends = time.monotonic() + LONGEST
        with contextlib.suppress(OSError):  # the client may have had enough
            for piece in answer(self):
                if self.server.ended.is_set() or time.monotonic() > ends:
                    break
                self.wfile.write(piece)
                self.server.sent += len(piece)
        self.close_connection = True

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than the server runs."""
        self.server.ended.wait(seconds)

    def log_message(self, *args: object) -> None:
        pass


Answer = Callable[[Handler], Iterable[bytes]]


class Upstream(ThreadingHTTPServer):
    """The server; the answer to a path holds until another is planned.

    Attributes:
        answers: By path.
        requests: Path and headers of each.
        sent: Bytes sent in all.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ended = threading.Event()
        self.scheme = "http"
        self.reset()

    def reset(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.sent = 0

    def plan(self, path: str, answer: Answer) -> str:
        """Set the answer to a path; its URL."""
        self.answers[path] = answer
        return f"{self.scheme}://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, *args: object) -> None:
        """A client that does not trust us hangs up in the middle."""


@contextlib.contextmanager
def running(certificate: Path | None = None) -> Iterator[Upstream]:
    """Run an upstream, by TLS if it has a certificate (with its key in the same file)."""
    with Upstream() as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            server.scheme = "https"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()


def write_certificate(path: Path, days: int = 1) -> Path:
    """Write a certificate for loopback that only it itself vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(encoding, *private) + certificate.public_bytes(encoding))
    return path


# Answers


def head(status: int | str = 200, **headers: object) -> bytes:
    """The begin of an answer; underscores in names stand for hyphens, and None leaves one out."""
    fields = {"ETag": ETAG, "Connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = [f"HTTP/1.1 {status}{'' if isinstance(status, str) else ' Told'}"]
    lines += [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def missing(_: Handler) -> list[bytes]:
    return [head(404, Content_Length=0)]


def fixed(*pieces: bytes) -> Answer:
    """Always these bytes."""
    return lambda _: pieces


def honest(body: bytes, etag: str = ETAG) -> Answer:
    """A file as a good server gives it, from any byte on."""

    def answer(handler: Handler) -> list[bytes]:
        start = begin_of(handler)
        if not start or handler.headers.get("If-Range") != etag:
            return [head(Content_Length=len(body), ETag=etag), body]
        if start >= len(body):
            return [head(416, Content_Range=f"bytes */{len(body)}", Content_Length=0)]
        place = f"bytes {start}-{len(body) - 1}/{len(body)}"
        rest = body[start:]
        return [head(206, Content_Length=len(rest), Content_Range=place, ETag=etag), rest]

    return answer


def begin_of(handler: Handler) -> int:
    """The byte that a request wants the rest of the file from."""
    wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    return int(wanted[1]) if wanted else 0


def once_begun(rest: Answer, body: bytes, cut: int, etag: str = ETAG) -> Answer:
    """Break off after `cut` bytes, and answer otherwise to whoever asks for the rest."""
    first = fixed(head(Content_Length=len(body), ETag=etag), body[:cut])
    return lambda handler: (rest if begin_of(handler) else first)(handler)


def stalling(*pieces: bytes) -> Answer:
    """Go silent after these bytes."""

    def answer(handler: Handler) -> Iterator[bytes]:
        yield from pieces
        handler.pause(LONGEST)

    return answer


def trickling(*pieces: bytes, byte: bytes = b"x", pause: float = 0.02) -> Answer:
    """After these bytes one more now and then, without an end."""

    def answer(handler: Handler) -> Iterator[bytes]:
        yield from pieces
        while True:
            handler.pause(pause)
            yield byte

    return answer


def endless(*pieces: bytes, then: bytes = ZEROS) -> Answer:
    """After these bytes the same ones again and again, as quickly as they are taken."""

    def answer(_: Handler) -> Iterator[bytes]:
        yield from pieces
        while True:
            yield then

    return answer
