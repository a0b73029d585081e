"""`circlet download` against a real server on loopback that fails as it is told to."""

import contextlib
import gzip
import hashlib
import io
import json
import logging
import random
import re
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet import cli
from circlet.data.fetch import fetch, retry_after
from circlet.data.mirror import locate
from circlet.data.part import FetchError, Limits, Part
from circlet.errors import InputError

BASES = "".join(random.Random(1).choices("ACGT", k=60_000))
GZIP = gzip.compress(f">a\n{BASES}\n".encode(), mtime=0)
OTHER_GZIP = gzip.compress(b">b\nACGT\n", mtime=0)
HTML = b"\n<!-- moved -->\n<!DOCTYPE html><html><body>down for maintenance</body></html>"
DATE = "Mon, 02 Mar 2020 10:00:00 GMT"


@dataclass
class Reply:
    """How the server answers one request."""

    body: bytes = GZIP
    status: int = 200
    cut: int | None = None  # bytes after which the connection is dropped
    stall: bool = False  # go silent instead of dropping it
    ranges: bool = True  # whether Range is understood
    if_range: bool = True  # whether If-Range is
    shift: int = 0  # bytes by which a range starts too late
    length: bool = True
    etag: str = '"v1"'
    headers: dict[str, str] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    """Answers by the server's script; the last reply of a path serves all further requests."""

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        script = self.server.script.get(self.path, [Reply(b"no such file", status=404)])
        reply = script.pop(0) if len(script) > 1 else script[0]
        start = self.start_of(reply)
        body = reply.body[start:]
        self.send_response(206 if start else reply.status)
        headers = {"ETag": reply.etag, "Last-Modified": DATE} | reply.headers
        if start:
            end = len(reply.body)
            headers["Content-Range"] = f"bytes {start + reply.shift}-{end - 1}/{end}"
        if reply.length:
            headers["Content-Length"] = str(len(body))
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client may refuse the rest
            self.wfile.write(body[: reply.cut])
        if reply.stall:
            self.wfile.flush()
            self.server.released.wait(10)

    def start_of(self, reply: Reply) -> int:
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not wanted or not reply.ranges or reply.status != 200:
            return 0
        changed = self.headers.get("If-Range") not in (reply.etag, DATE)
        return 0 if changed and reply.if_range else int(wanted[1])

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server_port}"
        self.released = threading.Event()
        self.reset()

    def reset(self) -> None:
        self.script: dict[str, list[Reply]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []

    def plan(self, path: str, *replies: Reply) -> str:
        """Script the replies for a path; its URL."""
        self.script[path] = list(replies)
        return f"http://{self.host}{path}"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running.reset()
    return running


def download(folder: Path, *options: str, name: str = "x.fa.gz") -> int:
    """Run the command with quick retries; its exit code."""
    output = ["--output", str(folder / name), "--record", str(folder / "x.json")]
    return cli.main(["download", *output, "--backoff", "0.001", *options])


def record_of(folder: Path) -> dict[str, object]:
    return json.loads((folder / "x.json").read_text())


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def assert_refused(folder: Path, code: int, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Exit code 2, one line of error with `text`, and neither output nor record."""
    lines = [line for line in capsys.readouterr().err.splitlines() if ": error: " in line]
    assert code == 2
    assert len(lines) == 1
    assert text in lines[0]
    assert not [path for path in folder.iterdir() if ".part" not in path.name]


# Success and its record


def test_success_is_recorded(server: Server, tmp_path: Path) -> None:
    url = server.plan("/a/x.fa.gz", Reply())
    before = datetime.now(UTC).replace(microsecond=0)
    options = ["--mirror", "", "--file", "", "--sha256", ""]
    assert download(tmp_path, "--url", url, "http://later.invalid/x.gz", *options) == 0
    assert (tmp_path / "x.fa.gz").read_bytes() == GZIP
    record = record_of(tmp_path)
    assert before <= datetime.fromisoformat(record.pop("retrieved")) <= datetime.now(UTC)
    assert record == {
        "url": url,
        "requested_urls": [url, "http://later.invalid/x.gz"],
        "size": len(GZIP),
        "sha256": hashlib.sha256(GZIP).hexdigest(),
        "md5": None,
        "etag": '"v1"',
        "last_modified": DATE,
        "resumed": False,
        "mirror": False,
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.fa.gz", "x.json"]
    assert server.requests[0][1]["Accept-Encoding"] == "identity"
    assert "Range" not in server.requests[0][1]


def test_gzip_declared_as_encoding_is_not_decoded(server: Server, tmp_path: Path) -> None:
    url = server.plan("/x.fa.gz", Reply(headers={"Content-Encoding": "gzip"}))
    assert download(tmp_path, "--url", url) == 0
    assert (tmp_path / "x.fa.gz").read_bytes() == GZIP


def test_checksums_that_fit(server: Server, tmp_path: Path) -> None:
    url = server.plan("/x.fa.gz", Reply())
    sums = server.plan("/MD5SUMS", Reply(f"{'0' * 32}  y\n\n{md5(GZIP)}  ./x.fa.gz\n".encode()))
    sha256 = hashlib.sha256(GZIP).hexdigest().upper()
    assert download(tmp_path, "--url", url, "--md5sums", sums, "--sha256", sha256) == 0
    assert record_of(tmp_path)["md5"] == md5(GZIP)


def test_any_other_ending_is_only_sniffed(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = server.plan("/a", Reply(b">a\nACGT\n")), server.plan("/b", Reply(HTML))
    code = download(tmp_path, "--url", bad, name="x.txt")
    assert_refused(tmp_path, code, capsys, "got an HTML page instead of a file of data")
    assert download(tmp_path, "--url", good, name="x.txt") == 0


# Resuming


def test_dropped_connection_is_resumed(server: Server, tmp_path: Path) -> None:
    terse = Reply(headers={"Last-Modified": ""})  # as RFC 9110 wants it after If-Range
    url = server.plan("/x.fa.gz", Reply(cut=7000), terse)
    assert download(tmp_path, "--url", url) == 0
    assert (tmp_path / "x.fa.gz").read_bytes() == GZIP
    record = record_of(tmp_path)
    assert (record["resumed"], record["etag"], record["last_modified"]) == (True, '"v1"', DATE)
    (_, first), (_, second) = server.requests
    assert "Range" not in first
    assert second["Range"] == "bytes=7000-"
    assert second["If-Range"] == '"v1"'


def test_later_process_resumes(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = server.plan("/x.fa.gz", Reply(cut=9000), Reply())
    code = download(tmp_path, "--url", url, "--retries", "0")
    assert_refused(tmp_path, code, capsys, f"9,000 of {len(GZIP):,} bytes")
    note = json.loads((tmp_path / "x.fa.gz.part.json").read_text())
    assert note == {"url": url, "etag": '"v1"', "last_modified": DATE, "length": len(GZIP)}
    assert download(tmp_path, "--url", url, "--retries", "0") == 0
    assert server.requests[1][1]["Range"] == "bytes=9000-"
    assert (tmp_path / "x.fa.gz").read_bytes() == GZIP
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.fa.gz", "x.json"]


def test_part_of_another_url_is_not_resumed(server: Server, tmp_path: Path) -> None:
    first = server.plan("/1/x.fa.gz", Reply(cut=9000))
    second = server.plan("/2/x.fa.gz", Reply())
    assert download(tmp_path, "--url", first, "--url", second, "--retries", "0") == 0
    assert "Range" not in server.requests[1][1]
    assert record_of(tmp_path)["url"] == second
    assert (tmp_path / "x.fa.gz").read_bytes() == GZIP


@pytest.mark.parametrize(("etag", "validator"), [('W/"v1"', DATE), ("", DATE)])
def test_date_validates_where_no_strong_etag_is(
    server: Server, tmp_path: Path, etag: str, validator: str
) -> None:
    url = server.plan("/x.fa.gz", Reply(cut=7000, etag=etag), Reply(etag=etag))
    assert download(tmp_path, "--url", url) == 0
    assert server.requests[1][1]["If-Range"] == validator


def test_nothing_is_resumed_without_a_validator(server: Server, tmp_path: Path) -> None:
    bare = {"Last-Modified": ""}
    url = server.plan("/x.fa.gz", Reply(cut=7000, etag="", headers=bare), Reply())
    assert download(tmp_path, "--url", url) == 0
    assert "Range" not in server.requests[1][1]
    assert record_of(tmp_path)["resumed"] is False


def test_server_without_ranges(server: Server, tmp_path: Path) -> None:
    url = server.plan("/x.fa.gz", Reply(cut=7000), Reply(ranges=False))
    assert download(tmp_path, "--url", url) == 0
    assert (tmp_path / "x.fa.gz").read_bytes() == GZIP
    assert record_of(tmp_path)["resumed"] is False


@pytest.mark.parametrize(("if_range", "requests"), [(True, 2), (False, 3)])
def test_file_changed_between_tries(
    server: Server, tmp_path: Path, if_range: bool, requests: int
) -> None:
    changed = Reply(OTHER_GZIP + GZIP, etag='"v2"', if_range=if_range)
    url = server.plan("/x.fa.gz", Reply(cut=7000), changed)
    assert download(tmp_path, "--url", url) == 0
    assert (tmp_path / "x.fa.gz").read_bytes() == OTHER_GZIP + GZIP
    assert record_of(tmp_path)["etag"] == '"v2"'
    assert len(server.requests) == requests


@pytest.mark.parametrize("fault", [Reply(shift=3), Reply(status=416)])
def test_useless_answer_to_a_range_starts_again(
    server: Server, tmp_path: Path, fault: Reply
) -> None:
    url = server.plan("/x.fa.gz", Reply(cut=7000), fault, Reply())
    assert download(tmp_path, "--url", url) == 0
    assert (tmp_path / "x.fa.gz").read_bytes() == GZIP
    assert ["Range" in headers for _, headers in server.requests] == [False, True, False]


def test_resumed_file_that_fails_a_check_is_fetched_afresh(server: Server, tmp_path: Path) -> None:
    damaged = Reply(bytes(len(GZIP)), cut=7000)  # same ETag and length, other bytes
    url = server.plan("/x.fa.gz", damaged, Reply())
    assert download(tmp_path, "--url", url) == 0
    assert ["Range" in headers for _, headers in server.requests] == [False, True, False]
    assert (tmp_path / "x.fa.gz").read_bytes() == GZIP
    assert record_of(tmp_path)["resumed"] is False


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 3000), max_size=6),
    size=st.integers(1, 8000),
    ranges=st.booleans(),
)
def test_any_cuts_give_the_same_bytes(
    running: Server, cuts: list[int], size: int, ranges: bool
) -> None:
    running.reset()
    body = BASES[:size].encode()
    drops = [Reply(body, cut=cut, ranges=ranges) for cut in cuts]
    url = running.plan("/x", *drops, Reply(body, ranges=ranges))
    with tempfile.TemporaryDirectory() as folder:
        part = Part(Path(folder) / "x")
        fetch(url, part, Limits(len(cuts), timeout=5, max_bytes=size, backoff=0))
        assert part.path.read_bytes() == body
    assert len(running.requests) <= len(cuts) + 1


# Retries, and the next URL


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_server_is_asked_again(server: Server, tmp_path: Path, status: int) -> None:
    busy = Reply(b"busy", status=status, headers={"Retry-After": "0"})
    url = server.plan("/x.fa.gz", busy, Reply())
    assert download(tmp_path, "--url", url, "--backoff", "60") == 0
    assert len(server.requests) == 2


def test_missing_file_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    missing, there = server.plan("/1", Reply(status=404)), server.plan("/2", Reply())
    assert download(tmp_path, "--url", missing, "--url", there) == 0
    assert [path for path, _ in server.requests] == ["/1", "/2"]
    assert record_of(tmp_path)["url"] == there
    assert record_of(tmp_path)["requested_urls"] == [missing, there]


def test_silent_server(server: Server, tmp_path: Path) -> None:
    silent, there = server.plan("/1", Reply(cut=5000, stall=True)), server.plan("/2", Reply())
    options = ["--timeout", "0.2", "--retries", "1"]
    assert download(tmp_path, "--url", silent, "--url", there, *options) == 0
    assert [path for path, _ in server.requests] == ["/1", "/1", "/2"]
    assert (tmp_path / "x.fa.gz").read_bytes() == GZIP


def test_every_url_fails(
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    urls = [
        server.plan("/1.zip", Reply(status=404)),
        server.plan("/2.zip", Reply(HTML)),
        server.plan("/3.zip", Reply(b"", status=503)),
        "http://127.0.0.1:1/4.zip",
    ]
    options = [word for url in urls for word in ("--url", url)]
    code = download(tmp_path, *options, "--retries", "2", name="x.zip")
    assert_refused(tmp_path, code, capsys, "could not be fetched from any of 4 URLs")
    errors = [entry.getMessage() for entry in caplog.records if entry.levelno == logging.ERROR]
    assert errors[:3] == [
        f"{urls[0]}: the server answered 404 Not Found",
        f"{urls[1]}: got an HTML page instead of a zip",
        f"{urls[2]}: the server answered 503 Service Unavailable",
    ]
    assert errors[3].startswith(f"{urls[3]}: the connection failed (")
    assert [path for path, _ in server.requests] == ["/1.zip", "/2.zip"] + ["/3.zip"] * 3


def test_message_tells_of_mirror_and_file(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = server.plan("/x.fa.gz", Reply(status=403))
    code = download(tmp_path, "--url", url)
    assert_refused(
        tmp_path,
        code,
        capsys,
        f"x.fa.gz: could not be fetched from any of 1 URLs (the last: {url}: the server answered "
        "403 Forbidden); try again later (what broke off goes on from there), correct `sha256:` if "
        "the file is right, set `mirror:` in the config to a base URL or folder that holds "
        "<host>/<path>, or fetch it by hand and set the "
        "source's `file:` (GENCODE: `fasta:` and `gtf:`)",
    )


def test_delays_double_up_to_half_a_minute() -> None:
    limits = Limits(retries=9, timeout=1, max_bytes=1, backoff=0.5)
    assert [limits.delay(n) for n in (1, 2, 3, 6, 7, 9)] == [0.5, 1, 2, 16, 30, 30]


def test_retry_after() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < retry_after(soon) <= 60
    assert retry_after("7") == 7
    assert retry_after("99999") == 120
    assert retry_after(DATE) == 0
    assert retry_after("soon") is None
    assert retry_after("") is None


# Checks of what came


def test_wrong_md5_falls_to_the_next_url(server: Server, tmp_path: Path) -> None:
    wrong, right = server.plan("/1/x.gz", Reply(OTHER_GZIP)), server.plan("/2/x.gz", Reply())
    sums = server.plan("/MD5SUMS", Reply(f"{md5(GZIP)}  x.gz\n".encode()))
    assert download(tmp_path, "--url", wrong, "--url", right, "--md5sums", sums) == 0
    assert (tmp_path / "x.fa.gz").read_bytes() == GZIP
    assert record_of(tmp_path)["url"] == right


def test_wrong_md5_of_the_last_url(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = server.plan("/x.fa.gz", Reply(OTHER_GZIP))
    sums = server.plan("/MD5SUMS", Reply(f"{md5(GZIP)}  x.fa.gz\n".encode()))
    code = download(tmp_path, "--url", url, "--md5sums", sums)
    text = f"the md5 is {md5(OTHER_GZIP)}, MD5SUMS says {md5(GZIP)}"
    assert_refused(tmp_path, code, capsys, text)
    assert not list(tmp_path.iterdir())  # the wrong bytes are not kept either


def test_wrong_sha256(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = server.plan("/x.fa.gz", Reply())
    code = download(tmp_path, "--url", url, "--sha256", "a" * 64)
    found = hashlib.sha256(GZIP).hexdigest()
    assert_refused(tmp_path, code, capsys, f"the sha256 is {found}, not {'a' * 64}")


def locked(archive: bytes) -> bytes:
    """The zip with its member's flag of encryption set."""
    local, central = archive.index(b"PK\3\4") + 6, archive.index(b"PK\1\2") + 8
    return bytes(byte | (place in (local, central)) for place, byte in enumerate(archive))


DAMAGED_ZIP = zip_of({"a.txt": b"circRNA" * 9}).replace(b"circRNA", b"linRNAs", 1)


@pytest.mark.parametrize(
    ("name", "body", "text"),
    [
        ("x.zip", HTML, "got an HTML page instead of a zip"),
        ("x.zip", zip_of({"a": b"A" * 5000})[:3000], "not a zip, or a truncated one"),
        ("x.zip", locked(zip_of({"a": b"A"})), "the zip cannot be read (File 'a' is encrypted"),
        ("x.zip", DAMAGED_ZIP, "the zip is damaged at its member 'a.txt'"),
        ("x.fa.gz", HTML, "got an HTML page instead of a gzip"),
        ("x.fa.gz", GZIP[:-9], "the gzip is truncated or damaged"),
        ("x.fa.gz", b">a\nACGT\n", "not a gzip, or a damaged one"),
        ("x.fa.gz", b"", "the file is empty"),
    ],
)
def test_wrong_format(
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    body: bytes,
    text: str,
) -> None:
    url = server.plan("/x", Reply(body))
    code = download(tmp_path, "--url", url, name=name)
    assert_refused(tmp_path, code, capsys, text)


def test_whole_zip(server: Server, tmp_path: Path) -> None:
    body = zip_of({"a/b.txt": b"1\t2\n"})
    url = server.plan("/x.zip", Reply(body))
    assert download(tmp_path, "--url", url, name="x.zip") == 0
    assert (tmp_path / "x.zip").read_bytes() == body


@pytest.mark.parametrize("length", [True, False])
def test_size_cap(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], length: bool
) -> None:
    url = server.plan("/x", Reply(bytes((1 << 20) + 1), length=length))
    code = download(tmp_path, "--url", url, "--max-mib", "1", name="x.txt")
    assert_refused(tmp_path, code, capsys, "allowed are 1,048,576 (--max-mib")
    assert not list(tmp_path.iterdir())
    assert len(server.requests) == 1


# MD5SUMS


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"0123456789abcdef0123456789abcdef  y.gz\n", "/MD5SUMS: does not list 'x.fa.gz'"),
        (b"\nx.fa.gz\n", "/MD5SUMS: line 2: not of the form 'md5 name'"),
        (HTML, "MD5SUMS: could not be fetched from any of 1 URLs"),
    ],
)
def test_useless_md5sums(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], body: bytes, text: str
) -> None:
    url = server.plan("/x.fa.gz", Reply())
    sums = server.plan("/MD5SUMS", Reply(body))
    code = download(tmp_path, "--url", url, "--md5sums", sums)
    assert_refused(tmp_path, code, capsys, text)
    assert [path for path, _ in server.requests] == ["/MD5SUMS"]


# Mirrors and local files


def test_mirror_folder(server: Server, tmp_path: Path) -> None:
    source = tmp_path / "mirror" / "up.example" / "a b" / "x.gz"
    source.parent.mkdir(parents=True)
    source.write_bytes(GZIP)
    (source.parent / "MD5SUMS").write_text(f"{md5(GZIP)} *x.gz\n")
    url = "https://user:word@up.example/a%20b/x.gz"
    options = ["--mirror", str(tmp_path / "mirror"), "--md5sums", url.replace("x.gz", "MD5SUMS")]
    # The server has the file too, but only the mirror may be asked.
    reachable = server.plan("/x.gz", Reply())
    assert download(tmp_path, "--url", reachable, "--url", url, *options) == 0
    assert server.requests == []
    record = record_of(tmp_path)
    assert (tmp_path / "x.fa.gz").read_bytes() == GZIP
    assert record["url"] == str(source)
    assert record["requested_urls"] == [reachable, url]
    assert (record["mirror"], record["resumed"], record["md5"]) == (True, False, md5(GZIP))


def test_mirror_folder_is_checked_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mirror/up.example").mkdir(parents=True)
    (tmp_path / "mirror/up.example/x.gz").write_bytes(GZIP[:-20])
    folder = tmp_path / "out"
    options = ["--url", "http://up.example/x.gz", "--url", "http://up.example/y.gz"]
    code = download(folder, *options, "--mirror", str(tmp_path / "mirror"))
    assert_refused(folder, code, capsys, "mirror/up.example/y.gz: no such file")


def test_mirror_url(server: Server, tmp_path: Path) -> None:
    server.plan("/base/up.example:8000/doc/x.gz?v=1&w=a%20b", Reply(cut=4000), Reply())
    server.plan("/base/up.example:8000/doc/MD5SUMS", Reply(f"{md5(GZIP)}  x.gz\n".encode()))
    url = "http://up.example:8000/doc/x.gz?v=1&w=a%20b"
    mirror = f"http://{server.host}/base/"
    sums = "http://up.example:8000/doc/MD5SUMS"
    assert download(tmp_path, "--url", url, "--mirror", mirror, "--md5sums", sums) == 0
    record = record_of(tmp_path)
    assert record["url"] == f"{mirror}up.example:8000/doc/x.gz?v=1&w=a%20b"
    assert (record["mirror"], record["resumed"]) == (True, True)


@pytest.mark.parametrize(
    "url",
    [
        "http://up.example/../../etc/passwd",
        "http://up.example/%2e%2e/%2e%2e/x",
        "http://up.example/a%2f..%2f..%2f..%2fx",
        "http://../x",
        "http://up.example/x?a=/../../../x",
        "http://up.example/..%5cx",
    ],
)
@pytest.mark.parametrize("base", ["folder", "http://127.0.0.1:1"])
def test_no_way_out_of_a_mirror(tmp_path: Path, url: str, base: str) -> None:
    mirror = str(tmp_path) if base == "folder" else base
    with pytest.raises(InputError, match="leads out of the mirror"):
        locate(url, mirror)


def test_place_in_a_mirror_folder(tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert locate("http://h:81//etc/x", folder) == tmp_path / "h:81" / "etc" / "x"
    assert locate("http://h/x.zip?v=1", folder) == tmp_path / "h" / "x.zip?v=1"
    assert locate("http://h/x.zip", "") == "http://h/x.zip"


def test_local_file(server: Server, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gz"
    mine.write_bytes(GZIP)
    url, sums = server.plan("/x.gz", Reply()), server.plan("/MD5SUMS", Reply(b""))
    options = ["--url", url, "--md5sums", sums, "--mirror", "nowhere", "--file", str(mine)]
    assert download(tmp_path, *options) == 0
    assert server.requests == []
    record = record_of(tmp_path)
    assert (record["url"], record["mirror"], record["md5"]) == (str(mine), False, None)
    assert (record["etag"], record["last_modified"]) == (None, None)
    assert (tmp_path / "x.fa.gz").read_bytes() == mine.read_bytes() == GZIP


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "mine.gz: no such file; correct the source's `file:`"),
        (GZIP[:-20], "mine.gz: the gzip is truncated or damaged; correct"),
        (OTHER_GZIP, "mine.gz: the sha256 is"),
    ],
)
def test_useless_local_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, text: str
) -> None:
    mine = tmp_path / "mine.gz"
    if content is not None:
        mine.write_bytes(content)
    folder = tmp_path / "out"
    code = download(folder, "--file", str(mine), "--sha256", hashlib.sha256(GZIP).hexdigest())
    assert_refused(folder, code, capsys, text)


# Arguments and outputs


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], "--url: no URL and no file is given"),
        (["--url", "ftp://h/x"], "ftp://h/x: not an http or https address"),
        (["--url", "http://["], "http://[: not an http or https address"),
        (["--url", "http://h/x", "--sha256", "abc"], "--sha256: not a SHA-256: 'abc'"),
        (["--url", "http://h/x", "--mirror", "/no/such"], "/no/such: no such folder"),
        (["--url", "http://h/x", "--timeout", "0"], "a value is out of range"),
        (["--url", "http://h/x", "--retries", "-1"], "a value is out of range"),
    ],
)
def test_useless_arguments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], text: str
) -> None:
    assert_refused(tmp_path, download(tmp_path, *options), capsys, text)


def test_output_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.gz"
    mine.write_bytes(GZIP)
    (tmp_path / "out" / "x.fa.gz").mkdir(parents=True)
    assert download(tmp_path / "out", "--file", str(mine)) == 2
    assert "cannot be written (Is a directory)" in capsys.readouterr().err
    assert not (tmp_path / "out" / "x.json").exists()


def test_failure_leaves_an_earlier_download_alone(server: Server, tmp_path: Path) -> None:
    url = server.plan("/x.fa.gz", Reply(), Reply(OTHER_GZIP[:-1]))
    assert download(tmp_path, "--url", url) == 0
    record = record_of(tmp_path)
    assert download(tmp_path, "--url", url) == 2
    assert (tmp_path / "x.fa.gz").read_bytes() == GZIP
    assert record_of(tmp_path) == record


def test_refused_address_is_not_tried_again(tmp_path: Path) -> None:
    limits = Limits(retries=3, timeout=1, max_bytes=10, backoff=60)
    with pytest.raises(FetchError, match="cannot be asked for"):
        fetch("http://127.0.0.1:99999/x", Part(tmp_path / "x"), limits)


# The real layout


@pytest.mark.mirror
def test_real_mirror(mirror: Path, tmp_path: Path) -> None:
    release = "https://ftp.ebi.ac.uk/pub/databases/gencode/Gencode_human/release_19"
    name = "gencode.v19.long_noncoding_RNAs.gtf.gz"
    options = ["--url", f"{release}/{name}", "--md5sums", f"{release}/MD5SUMS"]
    assert download(tmp_path, *options, "--mirror", str(mirror), name=name) == 0
    assert record_of(tmp_path)["md5"] == md5((tmp_path / name).read_bytes())
    zipped = "http://reprod.njmu.edu.cn/circrnadb/doc/circRNA_dataset.zip"
    assert download(tmp_path, "--url", zipped, "--mirror", str(mirror), name="c.zip") == 0
