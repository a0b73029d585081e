"""What an upstream sends is packed to harm: bombs, and members of odd names and kinds."""

import copy
import gzip
import io
import random
import resource
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_circrnadb import HEADER, row
from test_download import assert_refused, download
from upstream import Upstream, endless, fixed, head, running

from circlet import cli
from circlet.data.checks import CheckError, verify_format
from circlet.files import read_table

MIB = 1 << 20
ZEROS = bytes(32 * MIB)
ROWS = f"{HEADER}\n{row()}\n"
SEQUENCES = ">hsa_circ_00001\nACGTACGT\n"
PACKED = gzip.compress(bytes(64 * MIB))
# The child tells the most memory that it ever had, which is not that of its parent.
CHILD = """
import sys
from circlet.cli import main
code = main(sys.argv[1:])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(code)
"""


def packed(*members: tuple[zipfile.ZipInfo | str, bytes | str], method: int = 8) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content, method)
    return buffer.getvalue()


def overlapping(times: int, name: str = "b") -> bytes:
    """Many members that are the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", random.Random(1).randbytes(50_000))
        for number in range(times):
            member = copy.copy(archive.filelist[0])
            member.filename = f"{name}{number}"
            archive.filelist.append(member)
    return buffer.getvalue()


BOMBS: dict[str, tuple[str, bytes, str]] = {
    "zip": ("x.zip", packed(("a", ZEROS)), "no file of data does"),
    "zip of many": ("x.zip", packed(*((f"a{n}", ZEROS) for n in range(4))), "no file of data does"),
    "zip by bzip2": ("x.zip", packed(("a", ZEROS), method=12), "'a' is not packed by deflate"),
    "zip by lzma": ("x.zip", packed(("a", ZEROS), method=14), "'a' is not packed by deflate"),
    "zip that overlaps": ("x.zip", overlapping(9), "the zip's members overlap"),
    "zip of too many names": ("x.zip", overlapping(20, "b" * 65_000), "a table of contents of"),
    "gzip": ("x.fa.gz", PACKED, "no file of data does"),
    "gzip of many": ("x.fa.gz", gzip.compress(ZEROS) * 9, "no file of data does"),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bomb(
    server: Upstream,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    bomb: tuple[str, bytes, str],
) -> None:
    name, body, text = bomb
    url = server.plan("/x", fixed(head(Content_Length=len(body)), body))
    code = download(tmp_path, "--url", url, name=name)
    assert_refused(tmp_path, code, capsys, text)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    with running() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield server


def test_what_repeats_itself_is_no_bomb(tmp_path: Path) -> None:
    path = tmp_path / "x.fa.gz"
    path.write_bytes(gzip.compress(b">poly\n" + b"A" * 15 * MIB))
    verify_format(path, path.name)
    path.write_bytes(gzip.compress(b">poly\n" + b"A" * 17 * MIB))
    with pytest.raises(CheckError, match="no file of data does"):
        verify_format(path, path.name)


def measured(folder: Path, *options: str) -> tuple[int, int, str]:
    """Exit code, most memory in MiB and last line of a download that may write 80 MiB at most."""
    command = [sys.executable, "-c", CHILD, "download", "--output", str(folder / "x.fa.gz")]
    command += ["--record", str(folder / "x.json"), "--max-mib", "64", "--retries", "0", *options]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (80 * MIB, 80 * MIB)),
    )
    return done.returncode, int(done.stdout) >> 10, done.stderr.splitlines()[-1]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is told by Linux")
def test_memory_and_disk_are_bounded(server: Upstream, tmp_path: Path) -> None:
    ten_gib = PACKED * 160
    urls = {
        "allowed are 67,108,864": server.plan("/zeros", endless(head())),
        "Exceeded 30 redirects": server.plan("/loop", endless(head(302, Location="/loop"))),
        "no file of data does": server.plan(
            "/bomb", fixed(head(Content_Length=len(ten_gib)), ten_gib)
        ),
    }
    for text, url in urls.items():
        code, peak, line = measured(tmp_path, "--url", url)
        assert (code, text in line, list(tmp_path.iterdir())) == (2, True, [])
        assert peak < 256  # of which 110 are the interpreter and its libraries


def member(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def parse(folder: Path, body: bytes) -> int:
    """Bring an archive through both steps; the exit code of the second."""
    (folder / "mine.zip").write_bytes(body)
    options = ["--file", str(folder / "mine.zip")]
    assert download(folder, *options, name="x.zip") == 0
    words = ["--type", "circrnadb", "--source", "c", "--label", "circRNA", "--assembly", "hg19"]
    words += ["--archive", str(folder / "x.zip"), "--output", str(folder / "c.parquet")]
    return cli.main(["parse", *words])


@pytest.mark.parametrize("place", ["../../", "/", "/etc/cron.d/", "..\\..\\", "C:\\"])
def test_a_members_place_is_no_place_here(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    body = packed(
        ("circRNA_dataset.txt", ROWS), ("circRNA_fasta", SEQUENCES), (member(f"{place}evil"), "x")
    )
    assert parse(folder, body) == 0
    assert read_table(folder / "c.parquet")["sequence"].tolist() == ["ACGTACGT"]
    body = packed((f"{place}/circRNA_dataset.txt", ROWS), (f"{place}/circRNA_fasta", SEQUENCES))
    assert parse(folder, body) == 0
    written = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"mine.zip", "x.zip", "x.json", "c.parquet"}


LINK = stat.S_IFLNK | 0o777
ODD: dict[str, tuple[list, str]] = {
    "link": (
        [("circRNA_dataset.txt", ROWS), (member("circRNA_fasta", LINK), "/etc/passwd")],
        "does not begin with '>'",
    ),
    "linked table": (
        [(member("circRNA_dataset.txt", LINK), "/etc/passwd"), ("circRNA_fasta", SEQUENCES)],
        "1 tab-separated columns instead of 15",
    ),
    "twice": (
        [("circRNA_dataset.txt", ROWS), *[("circRNA_fasta", SEQUENCES)] * 2],
        "has 2 members named circRNA_fasta",
    ),
    "twice, in two places": (
        [("circRNA_dataset.txt", ROWS), ("a/circRNA_fasta", SEQUENCES), ("b/circRNA_fasta", "")],
        "has 2 members named circRNA_fasta",
    ),
    "folder": (
        [("circRNA_dataset.txt", ROWS), ("circRNA_fasta/", "")],
        "has 0 members named circRNA_fasta",
    ),
    "nothing": ([], "has 0 members named circRNA_dataset.txt"),
    "zeros": (
        [("circRNA_dataset.txt", bytes(15 * MIB)), ("circRNA_fasta", SEQUENCES)],
        "not plain text",
    ),
    "zeros for sequences": (
        [("circRNA_dataset.txt", ROWS), ("circRNA_fasta", bytes(15 * MIB))],
        "not plain text",
    ),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_members(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], odd: tuple[list, str]
) -> None:
    members, text = odd
    assert parse(tmp_path, packed(*members)) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"circlet parse: error: {tmp_path}" in line
    assert text in line
    assert not (tmp_path / "c.parquet").exists()


def test_any_damage_is_refused_or_does_no_harm(tmp_path: Path) -> None:
    rng = random.Random(9)
    whole = packed(("circRNA_dataset.txt", ROWS), ("circRNA_fasta", SEQUENCES))
    path, refused = tmp_path / "x.zip", 0
    for _ in range(400):
        body = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            body[rng.randrange(len(body))] = rng.choice((0, 0xFF, rng.randrange(256)))
        path.write_bytes(body[: rng.choice((len(body), rng.randrange(len(body))))])
        try:
            verify_format(path, path.name)
        except CheckError:
            refused += 1
    assert refused > 300
    assert list(tmp_path.iterdir()) == [path]
