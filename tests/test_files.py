import gzip
import hashlib
import json
import os
import zlib

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet.compression import ENDINGS
from circlet.errors import InputError
from circlet.files import (
    atomic_path,
    atomic_text,
    open_text,
    read_json,
    read_table,
    reading,
    sha256_of,
    write_json,
    write_table,
)

TEXT = ">a\nACGT\n>é\nGGCC\n" * 50
GZIP = gzip.compress(TEXT.encode())
DAMAGED = "the gzip stream is truncated or damaged; fetch or compress it again"
TABLE = pd.DataFrame({"id": ["a", "b"], "n": [1, 2], "p": [0.25, 1 / 3]})


@pytest.fixture
def masked():
    """A umask that takes writing from the group and everything from others."""
    before = os.umask(0o027)
    yield
    os.umask(before)


def text_of(path):
    with open_text(path) as handle:
        return handle.read()


def refusal(call, *arguments):
    """Give the message of the `InputError` that a call raises."""
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("content", [TEXT.encode(), GZIP, GZIP[:0], GZIP + GZIP])
@pytest.mark.parametrize("name", ["in.fa", "in.fa.gz"])
def test_text_is_read_plain_or_gzip_as_its_bytes_say(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    plain = {GZIP: TEXT, GZIP + GZIP: TEXT * 2}.get(content, content.decode(errors="replace"))
    assert text_of(tmp_path / name) == plain


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "no such file; check the path"),
        (GZIP[:-9], DAMAGED),
        (GZIP[:2], DAMAGED),
        (GZIP[:-8] + bytes(8), DAMAGED),
        (GZIP[:20] + b"\xff" * 20 + GZIP[40:], DAMAGED),
        (b"PK\x03\x04\xff\xfe", "the file is not plain text; give an uncompressed or gzip text"),
        (gzip.compress(b"\xff\xfe"), "the file is not plain text; give an uncompressed or gzip"),
    ],
)
def test_text_that_cannot_be_read_is_refused(tmp_path, content, problem):
    path = tmp_path / "in.fa"
    if content is not None:
        path.write_bytes(content)
    assert refusal(text_of, path).startswith(f"{path}: {problem}")


def test_damage_met_later_on_is_refused_too(tmp_path):
    path = tmp_path / "in.fa.gz"
    path.write_bytes(GZIP[:-9])
    lines = []

    def read_on():
        with open_text(path) as handle:
            lines.extend(handle)

    assert refusal(read_on) == f"{path}: {DAMAGED}"
    assert lines[:2] == [">a\n", "ACGT\n"]


def test_a_folder_is_no_file(tmp_path):
    problem = f"{tmp_path}: cannot be read (Is a directory); check path and permissions"
    assert refusal(text_of, tmp_path) == problem
    assert refusal(sha256_of, tmp_path) == problem


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (PermissionError(13, "Permission denied"), "cannot be read (Permission denied)"),
        (OSError("bad disk"), "cannot be read (bad disk)"),
        (zlib.error("bad"), "the gzip stream is truncated or damaged"),
    ],
)
def test_errors_of_reading_name_the_file(error, problem):
    with pytest.raises(InputError) as caught, reading("a.fa"):
        raise error
    assert str(caught.value).startswith(f"a.fa: {problem}; ")


@pytest.mark.parametrize("error", [InputError("b.fa", "is empty", "give another"), KeyError("x")])
def test_other_errors_pass_through_reading(error):
    with pytest.raises(type(error)) as caught, reading("a.fa"):
        raise error
    assert caught.value is error


def test_an_output_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "folder" / "out.tar.gz"
    with atomic_path(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.name.endswith(".tar.gz")  # writers look at the suffixes
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def write_half(output, kind):
    """Write to an output and break off with an error."""
    with output as handle:
        handle.write("half")
        raise kind


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("name", ["out.txt", "out.txt.gz"])
def test_an_error_leaves_nothing_behind(tmp_path, kind, name):
    with pytest.raises(kind):
        write_half(atomic_text(tmp_path / name), kind)
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_the_earlier_file_as_it_was(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("earlier")
    with pytest.raises(ValueError, match=r"^$"):
        write_half(atomic_text(path), ValueError)
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_an_earlier_file_is_replaced(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("a longer earlier text")
    with atomic_text(path) as handle:
        handle.write("later")
    assert path.read_text() == "later"


@pytest.mark.usefixtures("masked")
def test_an_output_has_the_mode_that_the_umask_says(tmp_path):
    with atomic_text(tmp_path / "out.txt") as handle:
        handle.write("x")
    assert (tmp_path / "out.txt").stat().st_mode & 0o777 == 0o640
    assert os.umask(0o027) == 0o027  # the process keeps its own


@settings(derandomize=True, deadline=None, max_examples=60)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0\ufeff")))
@pytest.mark.parametrize("name", ["out.txt", *(f"out.txt{ending}" for ending in ENDINGS)])
def test_text_comes_back_as_it_was(tmp_path_factory, name, text):
    path = tmp_path_factory.mktemp("text") / name
    with atomic_text(path) as handle:
        handle.write(text)
    assert text_of(path) == text


def test_gzip_keeps_neither_time_nor_name(tmp_path):
    paths = [tmp_path / "one.txt.gz", tmp_path / "two.txt.gz"]
    for path in paths:
        with atomic_text(path) as handle:
            handle.write(TEXT)
    one, two = (path.read_bytes() for path in paths)
    assert one == two
    assert one[:4] == b"\x1f\x8b\x08\x00"  # no flag: no name, comment or extra field
    assert one[4:8] == bytes(4)
    assert gzip.decompress(one).decode() == TEXT


def test_a_pipe_is_read_whole():
    reader, writer = os.pipe()
    with open(writer, "wb") as handle:
        handle.write(GZIP)
    assert text_of(f"/dev/fd/{reader}") == TEXT
    os.close(reader)


def test_a_closed_standard_input_is_refused(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    assert refusal(text_of, "-") == (
        "standard input: cannot be read (it is closed); check path and permissions"
    )


def test_an_output_must_be_a_file(tmp_path):
    found = refusal(write_json, tmp_path, {})
    assert found == f"{tmp_path}: is there and is not a file; give another output"
    found = refusal(write_json, "/dev/null", {})
    assert found == "/dev/null: is there and is not a file; give another output"
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "out.json"
    assert refusal(write_json, path, {}).startswith(f"{path}: cannot be written (")
    path = tmp_path / ("a" * 300)
    assert refusal(write_json, path, {}).startswith(f"{path}: cannot be written (File name too")


def test_json_round_trip(tmp_path):
    path = tmp_path / "out.json"
    write_json(path, {"b": [1, None], "a": "é"})
    assert path.read_text(encoding="utf-8") == (
        '{\n  "b": [\n    1,\n    null\n  ],\n  "a": "é"\n}\n'
    )
    assert read_json(path) == {"b": [1, None], "a": "é"}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_json_has_no_nan(tmp_path, number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "out.json", {"auroc": number})
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_json_is_refused_with_its_line(tmp_path):
    path = tmp_path / "in.json"
    path.write_text('{\n  "a": 1,\n  b\n}\n')
    found = refusal(read_json, path)
    assert found.startswith(f"{path}: line 3: not valid JSON (")
    assert found.endswith("; make the file again")
    assert refusal(read_json, tmp_path / "none") == f"{tmp_path}/none: no such file; check the path"


@pytest.mark.parametrize("name", ["t.tsv", "t.parquet", *(f"t.tsv{ending}" for ending in ENDINGS)])
def test_tables_round_trip_with_the_same_bytes(tmp_path, name):
    paths = [tmp_path / folder / name for folder in ("one", "two")]
    for path in paths:
        write_table(path, TABLE)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    found = read_table(paths[0], ("id", "p"))
    assert found["id"].tolist() == ["a", "b"]
    assert found["n"].tolist() == [1, 2]
    assert found["p"].tolist() == pytest.approx([0.25, 1 / 3], rel=1e-6)


def test_a_tsv_has_six_digits_and_empty_fields(tmp_path):
    table = pd.DataFrame(
        {
            "id": ["a", "NA", None],
            "n": pd.array([1234567, None, 3], dtype="Int64"),
            "p": [1 / 3, None, 1.23456789e-7],
        }
    )
    write_table(tmp_path / "t.tsv", table)
    assert (tmp_path / "t.tsv").read_bytes() == (
        b"id\tn\tp\na\t1234567\t0.333333\nNA\t\t\n\t3\t1.23457e-07\n"
    )
    found = read_table(tmp_path / "t.tsv")
    assert found["id"].iloc[1] == "NA"  # a name, not a missing value
    assert found["id"].isna().tolist() == [False, False, True]
    assert found["p"].isna().tolist() == [False, True, False]


def test_digits_are_as_many_as_asked_for(tmp_path):
    table = pd.DataFrame({"p": [1 / 3, 1.23456789e-7]})
    write_table(tmp_path / "t.tsv", table, digits=12)
    assert (tmp_path / "t.tsv").read_bytes() == b"p\n0.333333333333\n1.23456789e-07\n"


@pytest.mark.parametrize("name", ["t.tsv", "t.tsv.gz"])
@pytest.mark.parametrize("column", ["id", "source"])
def test_names_of_digits_stay_text_in_a_tsv(tmp_path, name, column):
    write_table(tmp_path / name, pd.DataFrame({column: ["007", "8"], "n": [7, 8]}))
    found = read_table(tmp_path / name)
    assert found[column].tolist() == ["007", "8"]
    assert found["n"].tolist() == [7, 8]


@pytest.mark.parametrize("name", ["t.tsv", "t.parquet"])
def test_a_table_without_a_column_is_refused(tmp_path, name):
    write_table(tmp_path / name, TABLE)
    found = refusal(read_table, tmp_path / name, ("part", "id", "group"))
    assert found == f"{tmp_path / name}: lacks the columns ['part', 'group']; make the file again"


def parquet():
    """Bytes of a table as Parquet."""
    return TABLE.to_parquet(None, index=False)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("t.parquet", lambda: parquet()[:-20], "not a readable table ("),
        ("t.parquet", lambda: b"", "not a readable table ("),
        ("t.parquet", lambda: b"id\tp\n", "not a readable table ("),
        ("t.tsv", lambda: b"", "not a readable table (No columns to parse from file)"),
        ("t.tsv", lambda: b"id\tp\na\t1\nb\t2\t3\n", "not a readable table (Error tokenizing"),
        ("t.tsv", parquet, "not a readable table ("),
        ("t.tsv.gz", lambda: gzip.compress(b"id\tp\na\t1\n")[:-5], DAMAGED),
        ("t.tsv.gz", lambda: b"id\tp\n", DAMAGED),
        ("t.tsv", None, "no such file; check the path"),
        ("t.parquet", None, "no such file; check the path"),
    ],
)
def test_tables_that_cannot_be_read_are_refused(tmp_path, name, content, problem):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content())
    found = refusal(read_table, path)
    assert found.startswith(f"{path}: {problem}")
    assert "\n" not in found


@pytest.mark.parametrize(("ending", "kind"), [(".zst", "zstd"), (".bz2", "bz2"), (".xz", "xz")])
def test_half_a_table_is_refused(tmp_path, ending, kind):
    path = tmp_path / f"t.tsv{ending}"
    write_table(path, TABLE)
    path.write_bytes(path.read_bytes()[:-5])
    assert refusal(read_table, path) == (
        f"{path}: the {kind} stream is truncated or damaged; fetch or compress it again"
    )


@pytest.mark.parametrize("name", ["t.tsv", "t.parquet"])
def test_a_table_that_cannot_be_written_leaves_nothing(tmp_path, name, monkeypatch):
    def fail(table, handle, **options):
        handle.write("half") if name == "t.tsv" else handle.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv" if name == "t.tsv" else "to_parquet", fail)
    found = refusal(write_table, tmp_path / name, TABLE)
    assert found.startswith(f"{tmp_path / name}: cannot be written (No space left on device); free")
    assert list(tmp_path.iterdir()) == []


def test_sha256(tmp_path):
    content = json.dumps(list(range(100000))).encode()
    (tmp_path / "x").write_bytes(content)
    assert sha256_of(tmp_path / "x") == hashlib.sha256(content).hexdigest()
    (tmp_path / "empty").touch()
    assert sha256_of(tmp_path / "empty") == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    assert refusal(sha256_of, tmp_path / "none").endswith("none: no such file; check the path")


@pytest.mark.parametrize(
    "text", ["id" + "\t" * 10_000 + "\nx\n", "id\nx" + "\t" * 2_000_000 + "\n"]
)
def test_a_table_of_too_many_columns_is_refused_before_it_is_read(tmp_path, text):
    (tmp_path / "t.tsv").write_text(text)
    with pytest.raises(InputError, match=r"t\.tsv: has more than 10,000 columns; make"):
        read_table(tmp_path / "t.tsv")
    (tmp_path / "t.tsv").write_text("id" + "\tx" * 9_999 + "\n")
    assert len(read_table(tmp_path / "t.tsv").columns) == 10_000
