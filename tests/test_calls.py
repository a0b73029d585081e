import gzip

import numpy as np
import pytest

from circlet.calls import HEADER, write_calls
from circlet.cli import main

CALLS = [(f"r{row}", row / 7, "circRNA" if row % 2 else "lncRNA") for row in range(5)]
CALLS += [("short", np.nan, "")]


def gather(output, *pieces):
    return main(["gather", "--pieces", *map(str, pieces), "--output", str(output)])


@pytest.fixture
def pieces(tmp_path):
    """Tables of the calls: two, none, and the rest."""
    paths = [tmp_path / f"{number}.tsv.gz" for number in (1, 2, 3)]
    for path, calls in zip(paths, (CALLS[:2], [], CALLS[2:]), strict=True):
        write_calls(path, calls, "in.fa", 20)
    return paths


def test_a_table_of_calls(tmp_path):
    write_calls(tmp_path / "out.tsv", CALLS[1:3] + CALLS[-1:], "in.fa", 20)
    expected = "r1\t0.142857\tcircRNA\nr2\t0.285714\tlncRNA\nshort\t\t\n"
    assert (tmp_path / "out.tsv").read_text() == HEADER + expected


@pytest.mark.parametrize("ending", ["tsv", "tsv.gz"])
def test_joined_tables_have_the_bytes_of_the_whole(pieces, tmp_path, ending):
    write_calls(tmp_path / f"whole.{ending}", CALLS, "in.fa", 20)
    assert gather(tmp_path / f"joined.{ending}", *pieces) == 0
    whole, joined = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("whole", "joined"))
    assert joined == whole


def test_a_piece_without_records_is_a_header(pieces):
    assert gzip.decompress(pieces[1].read_bytes()).decode() == HEADER


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin with the columns ['id', 'p_circrna', 'call']"),
        (b"id\tcall\nr1\tcircRNA\n", "does not begin with the columns"),
        (gzip.compress(HEADER.encode() * 9)[:-9], "the gzip stream is truncated or damaged"),
        (None, "no such file"),
    ],
)
def test_a_broken_piece_ends_with_one_line_and_no_table(pieces, tmp_path, capsys, content, message):
    pieces[2].unlink()
    if content is not None:
        pieces[2].write_bytes(content)
    assert gather(tmp_path / "out/joined.tsv.gz", *pieces) == 2
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert error.startswith(f"circlet gather: error: {pieces[2]}: {message}")
    assert list((tmp_path / "out").iterdir()) == []
