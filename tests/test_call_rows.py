import bz2
import csv
import gzip
import io
import json
import lzma
import math
import re

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from call_inputs import ALL_COLUMNS, ALL_ENDINGS, NAN, ROWS, TEXTS, many, write
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet import call_rows
from circlet.calls import KINDS, Prediction, kind_of
from circlet.errors import InputError
from circlet.tables import CALL_COLUMNS

# What JSON lines and Parquet tell of the last row, with its strand.
LAST = {
    "id": 'é"4',
    "length": 1_000_000,
    "p_circrna": 1.0,
    "call": "circRNA",
    "spread": 0.333333,
    "flags": [],
    "strand": "-",
    "p_other_strand": 0.25,
}
UNPACK = {
    ".gz": gzip.decompress,
    ".zst": lambda content: zstandard.ZstdDecompressor().decompressobj().decompress(content),
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}


def content_of(path, name=None):
    """A file's content, unpacked as the ending of a name says."""
    ending = re.search(r"\.[a-z0-9]+$", name or path.name)[0]
    return UNPACK.get(ending, bytes)(path.read_bytes())


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("out.tsv", "tsv"),
        ("out.tsv.gz", "tsv"),
        ("a.csv/out", "tsv"),
        ("out.txt.gz", "tsv"),
        ("out", "tsv"),
        ("-", "tsv"),
        ("out.csv.zst", "csv"),
        ("OUT.CSV.GZ", "csv"),
        ("out.jsonl", "jsonl"),
        ("out.json", "jsonl"),
        ("out.json.bz2", "jsonl"),
        ("out.ndjson.xz", "jsonl"),
        ("in.fa.parquet", "parquet"),
    ],
)
def test_the_ending_tells_the_kind(path, kind):
    assert kind_of(path) == kind
    for given_kind in KINDS:
        assert kind_of(path, given_kind) == given_kind


def test_a_kind_that_there_is_not_is_refused():
    with pytest.raises(InputError) as caught:
        kind_of("out.xls", "xls")
    assert str(caught.value).startswith("out.xls: 'xls' is no kind of table; give one of ['tsv', ")


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("ending", ["", *UNPACK])
def test_a_text_table(tmp_path, kind, ending):
    path = tmp_path / f"out.{kind}{ending}"
    write(path, ROWS[:1], [], ROWS[1:])
    assert content_of(path, f"x{ending or '.x'}").decode() == TEXTS[kind]
    assert list(tmp_path.iterdir()) == [path]


def test_text_tables_are_read_by_others(tmp_path):
    for kind in KINDS:
        write(tmp_path / f"out.{kind}", ROWS, columns=ALL_COLUMNS)
    with open(tmp_path / "out.csv", newline="", encoding="utf-8") as handle:
        head, *rows = csv.reader(handle)
    assert tuple(head) == ALL_COLUMNS
    assert rows[1][0] == "r,2"
    last = ['é"4', "1000000", "1", "circRNA", "0.333333", "", "-", "0.25"]
    assert rows[3] == last
    assert (tmp_path / "out.tsv").read_text("utf-8").splitlines()[-1] == "\t".join(last)
    lines = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[3]) == LAST
    missing = {"p_circrna", "call", "spread", "strand", "p_other_strand"}
    assert {key for key, value in json.loads(lines[2]).items() if value is None} == missing
    for read in (
        pd.read_csv(tmp_path / "out.tsv", sep="\t", quoting=csv.QUOTE_NONE),
        pd.read_csv(tmp_path / "out.csv"),
        pd.read_json(tmp_path / "out.jsonl", lines=True),
        pd.read_parquet(tmp_path / "out.parquet"),
    ):
        assert tuple(read.columns) == ALL_COLUMNS
        assert read["id"].tolist() == [row.id for row in ROWS]
        assert read["length"].tolist() == [812, 90_000, 3, 1_000_000]
        assert read["p_circrna"].fillna(9).tolist() == pytest.approx([0.987654, 1.23457e-7, 9, 1])
        assert read["spread"].fillna(9).tolist() == pytest.approx([0.0123457, 0, 9, 0.333333])
        assert read["call"].isna().tolist() == [False, False, True, False]


def test_a_parquet_table(tmp_path):
    write(tmp_path / "out.parquet", ROWS[:3], ROWS[3:], columns=ALL_COLUMNS)
    found = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert found[1]["flags"] == ["outside_training_length", "b"]
    assert found[2] == dict.fromkeys(ALL_COLUMNS) | {
        "id": "short",
        "length": 3,
        "flags": ["too_short"],
    }
    assert found[3] == LAST


@pytest.mark.parametrize("columns", [CALL_COLUMNS, ALL_COLUMNS])
def test_the_schema_of_parquet_is_the_same_without_rows(tmp_path, columns):
    write(tmp_path / "none.parquet", columns=columns)
    write(tmp_path / "some.parquet", ROWS[2:3], columns=columns)
    none, some = (pq.read_schema(tmp_path / f"{name}.parquet") for name in ("none", "some"))
    assert none == some
    types = [pa.string(), pa.int64(), pa.float64(), pa.string(), pa.float64()]
    types += [pa.list_(pa.string()), pa.string(), pa.float64()]
    assert none.types == types[: len(columns)]
    assert none.names == list(columns)


def test_an_empty_text_table_is_its_header(tmp_path):
    for kind, text in TEXTS.items():
        write(tmp_path / f"out.{kind}")
        head = "" if kind == "jsonl" else text.splitlines(keepends=True)[0]
        assert (tmp_path / f"out.{kind}").read_text() == head


def test_a_compressed_parquet_is_refused(tmp_path):
    for name, kind in (("out.parquet.gz", None), ("out.tsv.gz", "parquet")):
        with pytest.raises(InputError) as caught:
            write(tmp_path / name, kind=kind)
        told = "a Parquet table is compressed in itself; leave out the ending .gz"
        assert str(caught.value) == f"{tmp_path / name}: {told}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ALL_ENDINGS)
def test_the_bytes_do_not_depend_on_how_rows_came(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(call_rows, "BLOCK_BYTES", 4096)
    monkeypatch.setattr(call_rows, "GROUP_ROWS", 1000)
    rows = many(3456)
    write(tmp_path / f"1.{ending}", rows)
    write(tmp_path / f"2.{ending}", *([row] for row in rows))
    write(tmp_path / f"3.{ending}", rows[:999], rows[999:2001], rows[2001:])
    first, *others = ((tmp_path / f"{number}.{ending}").read_bytes() for number in (1, 2, 3))
    assert others == [first, first]


def test_row_groups_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(call_rows, "GROUP_ROWS", 1000)
    write(tmp_path / "out.parquet", many(2500))
    about = pq.ParquetFile(tmp_path / "out.parquet").metadata
    sizes = [about.row_group(group).num_rows for group in range(about.num_row_groups)]
    assert sizes == [1000, 1000, 500]
    assert about.row_group(0).column(0).compression == "ZSTD"


NAMES = st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1)
NUMBERS = st.floats(0, 1) | st.just(NAN)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    st.lists(
        st.builds(
            Prediction,
            NAMES,
            st.integers(0, 2**40),
            NUMBERS,
            st.sampled_from(["circRNA", "lncRNA", ""]),
            NUMBERS,
            st.lists(st.sampled_from(["too_short", "ambiguous_bases"])).map(tuple),
        )
    )
)
def test_odd_ids_and_numbers_come_back(tmp_path_factory, rows):
    """The same from all kinds: TSV's fields, CSV's, and those of JSON lines and Parquet."""
    folder = tmp_path_factory.mktemp("odd")
    for kind in KINDS:
        write(folder / f"out.{kind}", rows)
    shown = [
        {
            "id": row.id,
            "length": row.length,
            "p_circrna": None if math.isnan(row.p_circrna) else float(f"{row.p_circrna:.6g}"),
            "call": row.call or None,
            "spread": None if math.isnan(row.spread) else float(f"{row.spread:.6g}"),
            "flags": list(row.flags),
        }
        for row in rows
    ]
    assert pq.read_table(folder / "out.parquet").to_pylist() == shown
    with open(folder / "out.jsonl", encoding="utf-8", newline="\n") as handle:
        assert [json.loads(line) for line in handle] == shown
    with open(folder / "out.csv", encoding="utf-8", newline="") as handle:
        fields = list(csv.reader(handle))
    with open(folder / "out.tsv", encoding="utf-8", newline="\n") as handle:
        assert [line.removesuffix("\n").split("\t") for line in handle] == fields
    assert [from_text(row) for row in fields[1:]] == shown


def from_text(fields):
    """What the fields of a row tell."""
    identifier, length, p_circrna, call, spread, flags = fields
    return {
        "id": identifier,
        "length": int(length),
        "p_circrna": float(p_circrna) if p_circrna else None,
        "call": call or None,
        "spread": float(spread) if spread else None,
        "flags": flags.split(";") if flags else [],
    }


@pytest.mark.parametrize("name", ["a\rb", "a\r\nb", "a\nb", 'a"\r,400,1,circRNA'])
def test_an_id_makes_no_row_of_csv(name):
    rows = [ROWS[0]._replace(id=name), ROWS[0]]
    text = call_rows.to_text(rows, "csv", CALL_COLUMNS)
    assert [row[0] for row in csv.reader(io.StringIO(text, newline=""))] == [name, ROWS[0].id]
    found = pd.read_csv(io.StringIO(text, newline=""), header=None)
    assert found[0].tolist() == [name, ROWS[0].id]
