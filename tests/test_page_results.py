"""Calls as the page shows them, and the bytes that it gives away."""

import json
import math

import pytest
from prediction_inputs import classify, write_fasta

from circlet.call_rows import Prediction
from circlet.flags import FLAGS
from circlet.serve.page import results, words
from circlet.serve.page.records import read_upload

ROWS = [
    Prediction("=1+1", 30, 0.75, "circRNA", 0.1, ("seen_in_training", "unlike_training")),
    Prediction("<b>\u202eb", 5, math.nan, "", math.nan, ("too_short",)),
    Prediction("c", 40, 0.25, "lncRNA", 0.2),
]
FOUND = results.Results("mine.fa", [], ROWS, False)


def test_summary():
    assert results.summary(ROWS) == "3 records: 1 called circRNA, 1 called lncRNA, 1 without a call"
    assert results.summary(ROWS[:1]) == "1 record: 1 called circRNA, 0 called lncRNA"


def test_another_threshold_changes_calls_alone():
    found = results.called_at(FOUND, lambda p: "circRNA" if p >= 0.9 else "lncRNA")
    assert [row.call for row in found.rows] == ["lncRNA", "", "lncRNA"]
    assert found.rows[0]._replace(call="circRNA") == ROWS[0]


def test_shown_table():
    table = results.shown_table(FOUND)
    assert table.columns.tolist() == ["id", "length", "p_circrna", "call", "spread", "flags"]
    assert table["id"].tolist() == ["=1+1", "<b>\N{REPLACEMENT CHARACTER}b", "c"]
    assert table["p_circrna"].tolist()[::2] == [0.75, 0.25]
    assert table["flags"].tolist() == ["seen_in_training, unlike_training", "too_short", ""]
    assert results.shown_table(FOUND._replace(both_strands=True)).columns[-1] == "p_other_strand"


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", ["tsv", "csv", "jsonl"])
def test_given_away_is_what_predict_writes(
    predictor, checkpoint_folder, sequences, tmp_path, kind, both
):
    fasta, output = write_fasta(tmp_path / "in.fa", [*sequences, "ACGT"]), tmp_path / f"o.{kind}"
    more = ["--strand", "both"] if both else []
    assert classify(checkpoint_folder, output, fasta, "--threshold", "0.7", *more) == 0
    entries = read_upload((tmp_path / "in.fa").read_bytes(), "in.fa")
    rows = list(predictor.predict(entries, both_strands=both))
    found = results.Results("in.fa", entries, rows, both)
    found = results.called_at(found, lambda p: predictor.call(p, 0.7))
    assert results.table_bytes(found, kind) == output.read_bytes()


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("mine.fa.gz", "calls_mine"),
        ("../../etc/pass wd", "calls_pass_wd"),
        ("C:\\x\\ö<b>.fa", "calls_b"),
        ("", "calls_page"),
    ],
)
def test_names_of_downloads_are_safe(name, stem):
    assert results.stem_of(name) == stem


def test_every_flag_has_a_meaning():
    assert tuple(words.MEANINGS) == FLAGS
    assert results.flags_of(ROWS) == ["too_short", "seen_in_training", "unlike_training"]


def test_verbatim_is_code_whatever_the_text():
    assert words.verbatim("a `b` ``` c") == "```` a `b` ``` c ````"
    assert words.shown("a\x07b\u200b" + "x" * 99, 5) == "a\N{REPLACEMENT CHARACTER}b" + (
        "\N{REPLACEMENT CHARACTER}x…"
    )


@pytest.mark.parametrize("mark", ["=", "+", "-", "@"])
def test_what_a_spreadsheet_takes_for_a_formula_is_given_away_as_text(mark):
    name = f"{mark}cmd|'/C calc'!A0"
    found = FOUND._replace(rows=[ROWS[0]._replace(id=name), ROWS[2]._replace(id="a=b")])
    assert [results.is_formula(row) for row in found.rows] == [True, False]
    for kind, text in (("tsv", f"'{name}\t"), ("csv", f"'{name},")):
        lines = results.table_bytes(found, kind).decode().splitlines()
        assert lines[1].startswith(text)
        assert lines[2].startswith("a=b")
    told = json.loads(results.table_bytes(found, "jsonl").decode().splitlines()[0])
    assert told["id"] == name
