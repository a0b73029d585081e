import gzip

import pandas as pd
import pytest
from call_inputs import ALL_COLUMNS, CSV, JSON, ROWS, TSV, many, write

from circlet import call_rows
from circlet.calls import KINDS, kind_of, write_calls
from circlet.cli import main
from circlet.tables import CALL_COLUMNS

# A writer that is left behind must not write its end, to a file that is closed.
pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")

# Of those, what files.open_text reads.
GATHERED = ["tsv", "csv", "jsonl", "parquet", "tsv.gz", "csv.gz", "jsonl.gz"]


def gather(output, *pieces, flags=()):
    return main(["gather", "--pieces", *map(str, pieces), "--output", str(output), *flags])


def in_pieces(folder, rows, ending, **options):
    """Write rows to pieces: none, two, none, and the rest; give their paths."""
    paths = [folder / f"{number}.{ending}" for number in range(1, 5)]
    for path, some in zip(paths, ([], rows[:2], [], rows[2:]), strict=True):
        write(path, some, **options)
    return paths


@pytest.mark.parametrize("columns", [CALL_COLUMNS, ALL_COLUMNS])
@pytest.mark.parametrize("ending", GATHERED)
def test_joined_tables_have_the_bytes_of_the_whole(tmp_path, monkeypatch, ending, columns):
    monkeypatch.setattr(call_rows, "GROUP_ROWS", 64)
    rows = ROWS + many(500)
    pieces = in_pieces(tmp_path, rows, ending, columns=columns)
    write_calls(tmp_path / f"whole.{ending}", rows, "in.fa", columns=columns)
    (tmp_path / f"joined.{ending}.partial").touch()
    assert gather(tmp_path / f"joined.{ending}", *pieces) == 0
    whole, joined = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("whole", "joined"))
    assert joined == whole
    assert not (tmp_path / f"joined.{ending}.partial").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_without_records_join_to_an_empty_table(tmp_path, kind):
    pieces = in_pieces(tmp_path, [], kind)
    assert gather(tmp_path / f"joined.{kind}", *pieces) == 0
    assert (tmp_path / f"joined.{kind}").read_bytes() == pieces[0].read_bytes()


def test_pieces_may_be_compressed_otherwise_than_the_whole(tmp_path, capfd):
    pieces = in_pieces(tmp_path, ROWS, "csv.gz")
    assert gather(tmp_path / "joined.csv", *pieces) == 0
    assert (tmp_path / "joined.csv").read_text("utf-8") == CSV
    assert gather("-", *pieces, flags=["--format", "csv"]) == 0
    assert capfd.readouterr().out == CSV


OTHER = "does not begin with the columns ['id', 'length', 'p_circrna', 'call', 'spread', 'flags']; "
HEADER = TSV.splitlines(keepends=True)[0]


@pytest.mark.parametrize(
    ("ending", "content", "message"),
    [
        ("tsv", b"", OTHER + "make it with 'circlet predict IN.fa --shard I/N'"),
        ("tsv", b"id\tcall\nr1\tcircRNA\n", OTHER),
        ("tsv", CSV.encode(), OTHER),
        ("tsv.gz", gzip.compress(HEADER.encode() * 9)[:-9], "the gzip stream is truncated or dama"),
        ("tsv", None, "no such file"),
        ("tsv", TSV.encode()[:-1], "is cut off within its last row; make it with"),
        ("tsv", HEADER.encode()[:-1], OTHER),
        ("jsonl", JSON.encode()[:-9], "is cut off within its last row; make it with"),
        ("csv", TSV.encode(), OTHER),
        ("jsonl", TSV.encode(), OTHER),
        ("jsonl", b"7\n", OTHER),
        ("jsonl", b'{"id": "r1"}\n', OTHER),
        ("jsonl", b'["id", "length", "p_circrna", "call", "spread", "flags"]\n', OTHER),
        ("parquet", TSV.encode(), "is no readable Parquet table ("),
        ("parquet", b"", "is no readable Parquet table ("),
        ("parquet", None, "no such file"),
        ("parquet", pd.DataFrame({"id": ["r1"]}).to_parquet(None, index=False), OTHER),
    ],
)
def test_a_broken_piece_ends_with_one_line_and_no_table(tmp_path, capsys, ending, content, message):
    pieces = in_pieces(tmp_path, ROWS, ending)
    pieces[3].unlink()
    if content is not None:
        pieces[3].write_bytes(content)
    assert gather(tmp_path / f"out/joined.{ending}", *pieces) == 2
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert error.startswith(f"circlet gather: error: {pieces[3]}: {message}")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_parquet_piece_with_a_damaged_row_group_is_refused(tmp_path, capsys):
    pieces = in_pieces(tmp_path, many(5000), "parquet")
    content = bytearray(pieces[3].read_bytes())
    content[100:9000] = bytes(8900)
    pieces[3].write_bytes(content)
    assert gather(tmp_path / "joined.parquet", *pieces) == 2
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert error.startswith(f"circlet gather: error: {pieces[3]}: ")
    assert not (tmp_path / "joined.parquet").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_with_other_columns_are_refused(tmp_path, capsys, kind):
    pieces = in_pieces(tmp_path, ROWS, kind)
    write(pieces[3], ROWS[2:], columns=ALL_COLUMNS)
    assert gather(tmp_path / f"joined.{kind}", *pieces) == 2
    told = f"{pieces[3]}: has other columns than the pieces before it; classify all pieces with"
    assert told in capsys.readouterr().err
    assert not (tmp_path / f"joined.{kind}").exists()


def test_pieces_of_another_kind_are_refused(tmp_path, capsys):
    pieces = in_pieces(tmp_path, ROWS, "csv")
    for ending in ("tsv.gz", "jsonl", "parquet"):
        assert gather(tmp_path / f"joined.{ending}", *pieces) == 2
        joined = tmp_path / f"joined.{ending}"
        told = f"{pieces[0]}: is not {kind_of(joined)}, as {joined} is; give all the same ending"
        assert told in capsys.readouterr().err
        assert not joined.exists()
