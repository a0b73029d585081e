"""`circlet download` against servers that are broken or mean it ill.

Whatever they do: an end within bounds of time, memory and disk, one line that names the URL and the
mend, nothing under the output's name, the next URL tried, and no harm to the next try.
"""

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_download import GZIP, HTML, OTHER_GZIP, assert_refused, download, md5, record_of
from upstream import (
    Answer,
    Upstream,
    endless,
    fixed,
    head,
    honest,
    missing,
    once_begun,
    running,
    stalling,
    trickling,
    write_certificate,
)

from circlet.data.part import FetchError, Version

SIZE, CUT = len(GZIP), 9000
MEND = "; try again later"
TEN_GB = 10 * 10**9
CHUNKED = head(Transfer_Encoding="chunked")
COMMENTS = b"<!---->" * 290  # each of them could end at each later '-->'
QUICK = ("--timeout", "10", "--retries", "1", "--max-mib", "1")
# Short waits, for servers that let one wait.
BRIEF = ("--timeout", "0.4", "--retries", "1", "--max-mib", "1")


@pytest.fixture(scope="module")
def only() -> Iterator[Upstream]:
    with running() as server:
        yield server


@pytest.fixture
def upstream(only: Upstream, monkeypatch: pytest.MonkeyPatch) -> Upstream:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    only.reset()
    return only


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def to(location: str, *body: bytes, **headers: object) -> tuple[bytes, ...]:
    return head(302, Location=location, **headers), *body


def rest(start: int | str = CUT, total: int | str = SIZE, body: bytes = b"", **headers) -> Answer:
    """A 206 of that place, whatever was asked for."""
    place = f"bytes {start}-{SIZE - 1}/{total}"
    fields = {"Content_Range": place, "Content_Length": len(body)} | headers
    return fixed(head(206, **fields), body)


def deeper(handler) -> list[bytes]:
    """Lead to another address each time."""
    return [head(302, Location=f"{handler.path}?", Content_Length=0)]


def after(answer: Answer) -> Answer:
    """Break off first, and answer so to whoever asks for the rest."""
    return once_begun(answer, GZIP, CUT)


TRUNCATED, SHORT = "the gzip is truncated or damaged", f"{CUT:,} of {SIZE:,} bytes came"
SENSELESS, FAILED = "the answer makes no sense (", "the connection failed ("
ELSEWHERE = "the server answered with a part of another file or place"
TOO_SLOW, NO_HEAD = "fewer than 1,024 bytes a second came", "no whole head of an answer came within"
NOT_GZIP = "not a gzip, or a damaged one"
ALLOWED = "allowed are 1,048,576"

# What a server does, and what is said of it.
REFUSED: dict[str, tuple[Answer, str]] = {
    # Too little
    "hangs up at once": (fixed(), FAILED),
    "nothing in the file": (fixed(head(Content_Length=0)), "the file is empty"),
    "hangs up within the head": (fixed(b"HTTP/1.1 200 OK\r\nCont"), "the file is empty"),
    "truncates": (fixed(head(Content_Length=SIZE), GZIP[:CUT]), SHORT),
    "truncates, no length": (fixed(head(), GZIP[:CUT]), TRUNCATED),
    "truncates between chunks": (fixed(CHUNKED, chunk(GZIP[:CUT])), FAILED),
    "truncates within a chunk": (fixed(CHUNKED, chunk(GZIP)[:CUT]), FAILED),
    "ends the chunks early": (fixed(CHUNKED, chunk(GZIP[:CUT]), chunk(b"")), TRUNCATED),
    # The length is a lie
    "length too short": (fixed(head(Content_Length=CUT), GZIP), TRUNCATED),
    "length too long": (fixed(head(Content_Length=SIZE + 9), GZIP), "bytes came"),
    "two lengths": (fixed(head(Content_Length=f"{SIZE}, {CUT}"), GZIP), "unmatching values"),
    "length of 10 GB": (fixed(head(Content_Length=TEN_GB), GZIP), ALLOWED),
    "chunk of less than nothing": (fixed(CHUNKED, b"-5\r\n", GZIP), SENSELESS),
    "chunk of no number": (fixed(CHUNKED, b"zz\r\n", GZIP), FAILED),
    "chunk beyond all numbers": (fixed(CHUNKED, b"%x\r\n" % (1 << 70), GZIP), FAILED),
    # Too much
    "zeros without an end": (endless(head()), ALLOWED),
    "chunks of zeros without an end": (endless(CHUNKED, then=chunk(bytes(1 << 14))), ALLOWED),
    "10 GB of zeros": (endless(head(Content_Length=TEN_GB)), ALLOWED),
    "headers without an end": (endless(b"HTTP/1.1 200 OK\r\n", then=b"A: b\r\n" * 99), FAILED),
    "a header without an end": (endless(b"HTTP/1.1 200 OK\r\nA: "), FAILED),
    "a status line without an end": (endless(b"HTTP/1.1 200 "), FAILED),
    "a chunk's size without an end": (endless(CHUNKED, then=b"1" * 9999), FAILED),
    "a chunk's extension without an end": (endless(CHUNKED, b"5;", then=b"1" * 9999), FAILED),
    "a trailer without an end": (endless(CHUNKED, chunk(GZIP), b"0\r\n", then=b"a" * 99), FAILED),
    "trailers without an end": (
        endless(CHUNKED, chunk(GZIP), b"0\r\n", then=b"a: b\r\n" * 99),
        "more came around the file",
    ),
    "continues without an end": (
        endless(then=b"HTTP/1.1 100 Continue\r\n\r\n" * 999),
        "more came around the file",
    ),
    # Nonsense
    "garbage": (fixed(b"\x1b[31m\x00garbage" * 99 + b"\r\n\r\n"), FAILED),
    "status of five digits": (fixed(head(99999)), FAILED),
    "status that nobody knows": (fixed(head(999)), "the server answered 999 Told"),
    "a reason of its own": (fixed(head("404 \x1b[2J" + "no" * 20_000)), "answered 404 \ufffd[2Jno"),
    "asks to come again in the year 99999": (
        fixed(head(503, Retry_After="Mon, 02 Mar 99999 10:00:00 GMT")),
        "answered 503",
    ),
    "always busy": (fixed(head(503, Retry_After="0")), "answered 503"),
    # Elsewhere
    "redirects in a loop": (fixed(*to("/x", Content_Length=0)), "Exceeded 30 redirects"),
    "redirects ever deeper": (deeper, "Exceeded 30 redirects"),
    "redirects nowhere": (fixed(head(302)), "answered 302"),
    "redirects to file://": (fixed(*to("file:///etc/passwd")), "'file:///etc/passwd'"),
    "redirects to ftp://": (fixed(*to("ftp://127.0.0.1/x")), "'ftp://127.0.0.1/x'"),
    "redirects to data:": (fixed(*to("data:,ACGT")), "'data:,ACGT'"),
    "redirects to no host": (fixed(*to("http://[")), SENSELESS),
    "redirects to no text": (fixed(*to("http://\xff\xfe/x")), SENSELESS),
    "redirects to no port": (fixed(*to("http://127.0.0.1:99999/x")), "cannot be asked for"),
    # Another file
    "page": (fixed(head(), HTML), "got an HTML page instead of a gzip"),
    "page, compressed": (fixed(head(), gzip.compress(HTML)), "an HTML page that the server compr"),
    "a page's comments without an end": (fixed(head(), COMMENTS), NOT_GZIP),
    "JSON with 200": (fixed(head(), b'{"error": "moved"}'), NOT_GZIP),
    "garbage after the gzip": (fixed(head(), GZIP + b"garbage"), TRUNCATED),
    "garbage before the gzip": (fixed(head(), b"\0" + GZIP), NOT_GZIP),
    # The rest of what was begun
    "another place": (after(rest(CUT + 1, body=GZIP[CUT + 1 :])), ELSEWHERE),
    "the beginning again": (after(rest(0, body=GZIP)), ELSEWHERE),
    "another total": (after(rest(total=SIZE + 1, body=GZIP[CUT:])), ELSEWHERE),
    "another ETag": (after(rest(body=GZIP[CUT:], ETag='"v2"')), ELSEWHERE),
    "no place": (after(rest(Content_Range=None, body=GZIP[CUT:])), ELSEWHERE),
    "a total beyond all numbers": (after(rest(total="9" * 5000, body=GZIP[CUT:])), ELSEWHERE),
    "a place beyond all numbers": (after(rest("9" * 5000, body=GZIP[CUT:])), ELSEWHERE),
    "less than the rest": (after(rest(body=GZIP[CUT:-5])), f"of {SIZE:,} bytes came"),
    "more than the rest": (after(rest(body=GZIP[CUT:] + b"+++")), f"of {SIZE:,} bytes came"),
    "other bytes, the same ETag": (after(rest(body=bytes(SIZE - CUT))), TRUNCATED),
    "nothing satisfies": (after(fixed(head(416))), "answered 416"),
    "416 to all": (fixed(head(416)), "answered 416"),
    "206 that nobody asked for": (rest(0, body=GZIP), ELSEWHERE),
}

LETS_WAIT: dict[str, tuple[Answer, str]] = {
    "silent at once": (stalling(), "no byte came"),
    "silent within the head": (stalling(b"HTTP/1.1 200 OK\r\n"), "no byte came"),
    "silent after the head": (stalling(head(Content_Length=SIZE)), "no byte came"),
    "silent in the middle": (stalling(head(Content_Length=SIZE), GZIP[:CUT]), "no byte came"),
    "trickles its status line": (trickling(b"HTTP/1.1 200 "), NO_HEAD),
    "trickles a header": (trickling(b"HTTP/1.1 200 OK\r\nA: "), NO_HEAD),
    "continues for ever": (trickling(byte=b"HTTP/1.1 100 Continue\r\n\r\n" * 99), NO_HEAD),
    "trickles": (trickling(head(Content_Length=SIZE)), TOO_SLOW),
    "trickles in the middle": (trickling(head(Content_Length=SIZE), GZIP[:CUT]), TOO_SLOW),
    "trickles without a length": (trickling(head()), TOO_SLOW),
    "trickles chunks": (trickling(CHUNKED, byte=b"1\r\nx\r\n"), TOO_SLOW),
    "trickles trailers": (
        trickling(CHUNKED, chunk(GZIP[:100]), b"0\r\n", byte=b"a: b\r\n"),
        TOO_SLOW,
    ),
}


def parts_in(folder: Path) -> int:
    """Bytes in a folder, of which no file has the output's name."""
    assert {path.name for path in folder.iterdir()} <= {"x.fa.gz.part", "x.fa.gz.part.json"}
    return sum(path.stat().st_size for path in folder.iterdir())


def check_refusal(
    upstream: Upstream,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    told: tuple[Answer, str],
    options: tuple[str, ...],
) -> None:
    """The server fails alone, another one is asked, and the same one mended gives the file."""
    bad, good = upstream.plan("/x", told[0]), upstream.plan("/good", honest(GZIP))
    alone, both = folder / "alone", folder / "both"
    begun = time.monotonic()
    code = download(alone, "--url", bad, *options)
    assert time.monotonic() - begun < 6
    line = capsys.readouterr().err.splitlines()[-1]
    assert code == 2
    assert line.isprintable()
    assert len(line) < 1000
    assert f"(the last: {bad}: " in line
    assert told[1] in line
    assert MEND in line
    assert parts_in(alone) <= 1 << 20
    assert download(both, "--url", bad, good, *options) == 0
    assert (both / "x.fa.gz").read_bytes() == GZIP
    assert record_of(both)["url"] == good
    upstream.plan("/x", honest(GZIP))
    assert download(alone, "--url", bad) == 0
    assert (alone / "x.fa.gz").read_bytes() == GZIP
    assert sorted(path.name for path in alone.iterdir()) == ["x.fa.gz", "x.json"]


@pytest.mark.parametrize("told", REFUSED.values(), ids=REFUSED)
def test_what_no_server_should_do(
    upstream: Upstream,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    told: tuple[Answer, str],
) -> None:
    check_refusal(upstream, tmp_path, capsys, told, QUICK)
    assert upstream.sent < 40 << 20  # with what waits in buffers


@pytest.mark.parametrize("told", LETS_WAIT.values(), ids=LETS_WAIT)
def test_who_lets_one_wait(
    upstream: Upstream,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    told: tuple[Answer, str],
) -> None:
    check_refusal(upstream, tmp_path, capsys, told, BRIEF)


GOOD = honest(GZIP)
TOLERATED: dict[str, Answer] = {
    "length of less than nothing": fixed(head(Content_Length=-5), GZIP),
    "length that is no number": fixed(head(Content_Length="long"), GZIP),
    "length beyond all numbers": fixed(head(Content_Length="9" * 5000), GZIP),
    "no length": fixed(head(), GZIP),
    "chunks": fixed(CHUNKED, chunk(GZIP[:CUT]), chunk(GZIP[CUT:]), chunk(b"")),
    "a length beside chunks": fixed(
        head(Transfer_Encoding="chunked", Content_Length=5), chunk(GZIP), chunk(b"")
    ),
    "zeros after the gzip": fixed(head(), GZIP + bytes(99)),
    "redirect with a body without an end": endless(*to("/good")),
    "redirect that trickles": trickling(*to("/good", Content_Length=10**6)),
    "redirect in chunks": fixed(*to("/good", chunk(b"moved"), Transfer_Encoding="chunked")),
}


@pytest.mark.parametrize("answer", TOLERATED.values(), ids=TOLERATED)
def test_what_can_be_put_up_with(upstream: Upstream, tmp_path: Path, answer: Answer) -> None:
    url = upstream.plan("/x", answer)
    upstream.plan("/good", GOOD)
    assert download(tmp_path, "--url", url, *QUICK) == 0
    assert (tmp_path / "x.fa.gz").read_bytes() in (GZIP, GZIP + bytes(99))
    assert upstream.sent < 20 << 20
    assert record_of(tmp_path)["url"] == url


@pytest.mark.parametrize("etag", ['"\x1b"', f'"{"v" * 60_000}"', "v1", '"v"1"', '"v\r\n 1"'])
def test_an_etag_that_no_server_would_take_back(
    upstream: Upstream, tmp_path: Path, etag: str
) -> None:
    url = upstream.plan("/x", fixed(head(Content_Length=SIZE, ETag=etag), GZIP[:CUT]))
    assert download(tmp_path, "--url", url, "--retries", "0") == 2
    upstream.plan("/x", GOOD)
    assert download(tmp_path, "--url", url, "--retries", "0") == 0
    assert "Range" not in upstream.requests[-1][1]
    assert (tmp_path / "x.fa.gz").read_bytes() == GZIP


def test_a_date_that_no_server_would_take_back() -> None:
    assert Version("u", last_modified="Mon, 02 Mar 2020 10:00:00 GMT").validator is not None
    assert Version("u", last_modified="now" * 99).validator is None
    assert Version("u", last_modified="\x1b").validator is None


def test_a_file_that_changes_with_every_answer(upstream: Upstream, tmp_path: Path) -> None:
    def answer(handler) -> list[bytes]:
        """Other bytes and another ETag each time, half of what is told."""
        return once_begun(honest(OTHER_GZIP), GZIP, CUT, f'"s{len(upstream.requests)}"')(handler)

    url = upstream.plan("/x", answer)
    assert download(tmp_path, "--url", url, *QUICK) == 0
    assert (tmp_path / "x.fa.gz").read_bytes() == OTHER_GZIP  # whole, if of the later state


def test_time_for_a_url_ends(
    upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Quick enough never to be too slow, and never whole.
    slow = trickling(head(), byte=bytes(500), pause=0.02)
    bad, good = upstream.plan("/x", slow), upstream.plan("/good", GOOD)
    options = ("--max-minutes", "0.01", "--retries", "9")
    begun = time.monotonic()
    code = download(tmp_path / "a", "--url", bad, *options)
    assert_refused(tmp_path / "a", code, capsys, f"{bad}: not whole in the time allowed")
    assert download(tmp_path / "b", "--url", bad, good, *options) == 0
    assert time.monotonic() - begun < 6
    assert len([path for path, _ in upstream.requests if path == "/x"]) == 2


def test_no_pause_goes_beyond_a_urls_time(upstream: Upstream, tmp_path: Path) -> None:
    url = upstream.plan("/x", fixed(head(503, Retry_After="100")))
    begun = time.monotonic()
    assert download(tmp_path, "--url", url, "--max-minutes", "1") == 2
    assert time.monotonic() - begun < 6


def test_a_mirror_is_watched_too(
    upstream: Upstream, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mirror = upstream.plan("", missing)
    upstream.plan("/up.example/a", trickling(head()))
    upstream.plan("/up.example/b", GOOD)
    urls = ("--url", "http://up.example/a", "http://up.example/b", "--mirror", mirror)
    assert download(tmp_path, *urls, *BRIEF) == 0
    assert record_of(tmp_path)["url"] == f"{mirror}/up.example/b"
    assert f"{mirror}/up.example/a: {TOO_SLOW}" in caplog.messages


# TLS


@pytest.mark.parametrize("days", [1, -1])
def test_a_certificate_that_nobody_vouches_for(
    upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str], days: int
) -> None:
    with running(write_certificate(tmp_path / "key.pem", days)) as sealed:
        url, good = sealed.plan("/x", GOOD), upstream.plan("/good", GOOD)
        code = download(tmp_path / "a", "--url", url, *QUICK)
        assert_refused(tmp_path / "a", code, capsys, f"{url}: {FAILED}")
        assert download(tmp_path / "b", "--url", url, good, *QUICK) == 0
        assert sealed.requests == []


def test_no_tls_where_it_is_asked_for(
    upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = upstream.plan("/x", GOOD).replace("http:", "https:")
    code = download(tmp_path, "--url", url, *QUICK)
    assert_refused(tmp_path, code, capsys, f"{url}: {FAILED}")


def test_tls_that_is_vouched_for_is_watched_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate = write_certificate(tmp_path / "key.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running(certificate) as sealed:
        good, slow = sealed.plan("/good", GOOD), sealed.plan("/x", trickling(head()))
        assert download(tmp_path / "a", "--url", good, *QUICK) == 0
        code = download(tmp_path / "b", "--url", slow, *BRIEF)
        assert_refused(tmp_path / "b", code, capsys, f"{slow}: {TOO_SLOW}")
    assert (tmp_path / "a" / "x.fa.gz").read_bytes() == GZIP


# MD5SUMS


LISTS: dict[str, tuple[Answer, str]] = {
    "without an end": (endless(head(), then=b"0" * 32 + b"  y\n"), ALLOWED),
    "trickled": (trickling(head(), byte=b"0"), TOO_SLOW),
    "page": (fixed(head(), HTML), "got an HTML page"),
    "compressed": (fixed(head(), gzip.compress(bytes(1 << 24))), "MD5SUMS: the file is not plain"),
    "of others": (fixed(head(), b"0" * 32 + b"  y.gz\n"), "MD5SUMS: does not list 'x.fa.gz'"),
    "of this name in another place": (
        fixed(head(), b"0" * 32 + b"  ../x.fa.gz\n"),
        "MD5SUMS: does not list 'x.fa.gz'",
    ),
    "of another file": (fixed(head(), b"0" * 32 + b"  x.fa.gz\n"), f"the md5 is {md5(GZIP)}"),
    "truncated": (fixed(head(), md5(GZIP)[:20].encode()), "MD5SUMS: line 1: not of the form"),
}


@pytest.mark.parametrize("told", LISTS.values(), ids=LISTS)
def test_a_list_that_is_of_no_use(
    upstream: Upstream,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    told: tuple[Answer, str],
) -> None:
    url, sums = upstream.plan("/x.fa.gz", GOOD), upstream.plan("/MD5SUMS", told[0])
    options = ("--url", url, "--md5sums", sums, *BRIEF)
    code = download(tmp_path, *options)
    assert_refused(tmp_path, code, capsys, told[1])
    upstream.plan("/MD5SUMS", fixed(head(), f"{md5(GZIP)}  x.fa.gz\n".encode()))
    assert download(tmp_path, *options) == 0
    assert (tmp_path / "x.fa.gz").read_bytes() == GZIP


def test_words_of_a_server_are_one_printable_line() -> None:
    assert str(FetchError("a\r\n\x1b[2J\u202eb" + "c" * 999)) == (
        "a \ufffd[2J\ufffdb" + "c" * 292 + "…"
    )
