import logging

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet.cli import main
from circlet.data.dataset import (
    clean,
    has_biotype,
    has_one_label,
    is_acgt,
    is_first_copy,
    normalise_sequences,
    summarise,
)
from circlet.data.records import Record, records_to_table
from circlet.files import write_table
from circlet.tables import LABELS, SUMMARY_COLUMNS, TRANSCRIPT_COLUMNS

STEPS = ["records", "biotype", "non_acgt", "too_short", "duplicate", "both_labels"]
KEPT = ["--min-length", "4", "--biotypes", "lincRNA", "antisense"]

CIRCLES = records_to_table(
    [
        Record("c1", "acgu"),  # as long as the bound; its U is a T
        Record("c2", "ACGT"),  # c1 once more
        Record("c3", "ACGN"),
        Record("c4", "ACG"),
        Record("c5", "GGGGG"),  # n3 has it too
        Record("c6", "CCCCC", gene="G1"),
    ],
    "circles",
    "circRNA",
    "hg19",
)
RINGS = records_to_table(
    [Record("r1", "CCCCC"), Record("r2", "UUUUU")],  # r1 is c6 once more
    "rings",
    "circRNA",
    None,
)
LINEAR = records_to_table(
    [
        Record("n1", "AAAAA", biotype="miRNA"),
        Record("n2", "aaaaa", biotype="lincRNA"),
        Record("n3", "GGGGG", biotype="antisense"),
        Record("n4", "GAGAG"),  # no biotype
        Record("n5", "ACGT", biotype="miRNA"),  # c1's sequence, but it is no negative at all
        Record("n6", "NN", biotype="lincRNA"),  # short as well
    ],
    "linear",
    "lncRNA",
    "hg19",
)

# A dash stands for an empty field.
SUMMARY = """
source  label   step        removed remaining reference
circles circRNA records     -       6         -
circles circRNA biotype     0       6         -
circles circRNA non_acgt    1       5         -
circles circRNA too_short   1       4         -
circles circRNA duplicate   1       3         -
circles circRNA both_labels 1       2         -
rings   circRNA records     -       2         -
rings   circRNA biotype     0       2         -
rings   circRNA non_acgt    0       2         -
rings   circRNA too_short   0       2         -
rings   circRNA duplicate   1       1         -
rings   circRNA both_labels 0       1         -
linear  lncRNA  records     -       6         -
linear  lncRNA  biotype     2       4         -
linear  lncRNA  non_acgt    1       3         -
linear  lncRNA  too_short   0       3         -
linear  lncRNA  duplicate   0       3         -
linear  lncRNA  both_labels 1       2         -
total   circRNA kept        -       3         3
total   lncRNA  kept        -       2         1000
"""


def table_of(*rows):
    """A table of `id`, `label`, `sequence` and `biotype`."""
    return pd.DataFrame(rows, columns=["id", "label", "sequence", "biotype"], dtype="string")


def build(folder, tables, *flags):
    """Run the step on tables in a folder of their own; give its exit code and the outputs."""
    paths = []
    for number, table in enumerate(tables):
        paths.append(folder / "sources" / f"{number}.parquet")
        write_table(paths[-1], table)
    output, summary = folder / "out" / "transcripts.parquet", folder / "out" / "summary.tsv"
    outputs = ["--output", str(output), "--summary", str(summary)]
    return main(["dataset", "--records", *map(str, paths), *outputs, *flags]), output, summary


def test_the_filters_in_their_order(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    flags = [*KEPT, "--reference", "circRNA=3", "lncRNA=1000"]
    code, output, summary = build(tmp_path, [CIRCLES, RINGS, LINEAR], *flags)
    assert code == 0
    found = [line.split("\t") for line in summary.read_text().splitlines()]
    assert found == [
        [field.replace("-", "") for field in line.split()] for line in SUMMARY.strip().splitlines()
    ]
    table = pd.read_parquet(output)
    assert tuple(table.columns) == TRANSCRIPT_COLUMNS
    assert table[["id", "source", "label", "sequence"]].to_numpy().tolist() == [
        ["c1", "circles", "circRNA", "ACGT"],
        ["c6", "circles", "circRNA", "CCCCC"],
        ["r2", "rings", "circRNA", "TTTTT"],
        ["n2", "linear", "lncRNA", "AAAAA"],
        ["n4", "linear", "lncRNA", "GAGAG"],
    ]
    assert table["gene"].fillna("-").tolist() == ["-", "G1", "-", "-", "-"]
    assert table["biotype"].fillna("-").tolist() == ["-", "-", "-", "lincRNA", "-"]
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["lncRNA: 2 transcripts, where the literature counts 1,000"]
    assert "kept 5 transcripts, 24 nt" in caplog.messages


def test_the_same_input_gives_the_same_bytes(tmp_path):
    runs = [build(tmp_path / name, [CIRCLES, LINEAR], *KEPT) for name in ("one", "two")]
    (_, *one), (_, *two) = runs
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_without_references_there_is_no_warning(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    code, _, summary = build(tmp_path, [CIRCLES, LINEAR], *KEPT)
    assert code == 0
    assert caplog.messages == []
    assert summary.read_text().endswith("total\tcircRNA\tkept\t\t2\t\ntotal\tlncRNA\tkept\t\t2\t\n")


def test_the_first_source_keeps_a_duplicate(tmp_path):
    _, output, _ = build(tmp_path, [RINGS, CIRCLES, LINEAR], *KEPT)
    assert pd.read_parquet(output)["id"].tolist() == ["r1", "r2", "c1", "n2", "n4"]


def test_sequences_become_upper_case_dna():
    table = table_of(("a", "circRNA", "acGuUtn-", None))
    assert normalise_sequences(table)["sequence"].tolist() == ["ACGTTTN-"]
    assert table["sequence"].tolist() == ["acGuUtn-"]  # the given table is left alone


def test_biotypes():
    table = table_of(*((name, "lncRNA", "A", name) for name in ("lincRNA", "miRNA", None)))
    assert has_biotype(table, ["lincRNA"]).tolist() == [True, False, True]
    assert has_biotype(table, ["antisense"]).tolist() == [False, False, True]
    assert has_biotype(table, []).tolist() == [True, True, True]
    circles = table.assign(label="circRNA")
    assert has_biotype(circles, ["lincRNA"]).tolist() == [True, True, True]


@pytest.mark.parametrize(
    ("sequence", "kept"),
    [("A", True), ("ACGT", True), ("", False), ("ACGN", False), ("AC-T", False), ("ACG\n", False)],
)
def test_acgt(sequence, kept):
    assert is_acgt(table_of(("a", "circRNA", sequence, None))).tolist() == [kept]


def test_duplicates_are_kept_once_a_label():
    rows = [("circRNA", "A"), ("lncRNA", "A"), ("lncRNA", "C"), ("circRNA", "A"), ("lncRNA", "A")]
    table = table_of(*((str(place), *row, None) for place, row in enumerate(rows)))
    assert is_first_copy(table).tolist() == [True, True, True, False, False]


def test_a_sequence_with_both_labels_goes_on_both_sides():
    rows = [("circRNA", "A"), ("circRNA", "C"), ("lncRNA", "A"), ("lncRNA", "G"), ("lncRNA", "G")]
    table = table_of(*((str(place), *row, None) for place, row in enumerate(rows)))
    assert has_one_label(table).tolist() == [False, True, False, True, True]


def test_a_source_of_which_nothing_is_left_stays_in_the_summary():
    table = pd.concat([CIRCLES, LINEAR], ignore_index=True)
    kept, counts = clean(table, 5, ["none"])
    assert kept["id"].tolist() == ["c5", "c6", "n4"]
    _, counts = clean(table, 6, [])
    assert counts.loc[counts["step"] == "both_labels", "remaining"].tolist() == [0, 0]
    assert counts.loc[counts["step"] == "too_short", "removed"].tolist() == [5, 5]


def test_one_source_of_both_labels_is_counted_by_label():
    mine = pd.concat([CIRCLES, LINEAR], ignore_index=True).assign(source="mine")
    kept, counts = clean(mine, 4, ["lincRNA", "antisense"])
    assert kept["label"].value_counts().to_dict() == {"circRNA": 2, "lncRNA": 2}
    assert counts["source"].unique().tolist() == ["mine"]
    remaining = counts.set_index(["label", "step"])["remaining"]
    assert remaining["circRNA"].tolist() == [6, 6, 5, 4, 3, 2]
    assert remaining["lncRNA"].tolist() == [6, 4, 3, 3, 3, 2]
    assert summarise(counts, {}).tail(2)["remaining"].tolist() == [2, 2]


def test_a_reference_may_be_known_for_one_label_alone():
    _, counts = clean(pd.concat([CIRCLES, LINEAR], ignore_index=True), 4, [])
    summary = summarise(counts, {"lncRNA": 7})
    assert tuple(summary.columns) == SUMMARY_COLUMNS
    assert summary.tail(2)["label"].tolist() == ["circRNA", "lncRNA"]
    assert summary.tail(2)["reference"].fillna(-1).tolist() == [-1, 7]
    assert summary["reference"].head(-2).isna().all()


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["one", "two", "three"]),
            st.text("ACGTUacgun", min_size=1, max_size=4),
            st.sampled_from([None, "lincRNA", "miRNA"]),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_every_transcript_is_kept_or_counted_once(rows):
    """Source `one` is of circRNAs, the others of lncRNAs."""
    sources, sequences, biotypes = zip(*rows, strict=True)
    records = [
        Record(str(place), sequence, biotype=biotype)
        for place, (sequence, biotype) in enumerate(zip(sequences, biotypes, strict=True))
    ]
    labels = [LABELS[source == "one"] for source in sources]
    table = records_to_table(records, "", "", None).assign(source=sources, label=labels)
    kept, counts = clean(table, 2, ["lincRNA"])
    for source in {row[0] for row in rows}:
        of_source = counts[counts["source"] == source]
        assert of_source["step"].tolist() == STEPS
        assert of_source["remaining"].iloc[0] == sum(row[0] == source for row in rows)
        assert (
            of_source["removed"].sum() + (kept["source"] == source).sum()
            == (of_source["remaining"].iloc[0])
        )
    assert kept["sequence"].is_unique
    assert kept["sequence"].str.fullmatch("[ACGT]{2,}").all()
    assert not (kept["biotype"] == "miRNA")[kept["label"] == "lncRNA"].any()
    assert kept["id"].astype(int).is_monotonic_increasing
    again, _ = clean(kept, 2, ["lincRNA"])
    pd.testing.assert_frame_equal(again, kept)


@pytest.mark.parametrize(
    ("tables", "flags", "message"),
    [
        ([LINEAR], KEPT, "dataset: no circRNA is left after the filters; enable a source of that"),
        ([CIRCLES], KEPT, "dataset: no lncRNA is left after the filters; enable a source of that"),
        (
            [CIRCLES, LINEAR],
            ["--min-length", "6"],
            "dataset: no circRNA is left after the filters; enable a source of that label, or "
            "relax min_length or biotypes",
        ),
        (
            [CIRCLES, LINEAR.assign(id=["n1", "n2", "n3", "n4", "n5", "c6"])],
            KEPT,
            "sources: c6: the id stands more than once, in circles and linear; give every",
        ),
        (
            [CIRCLES, LINEAR.assign(id="n1")],
            KEPT,
            "sources: n1: the id stands more than once, in linear; give every transcript an id",
        ),
    ],
)
def test_bad_input_writes_nothing(tmp_path, capsys, tables, flags, message):
    code, output, _ = build(tmp_path, tables, *flags)
    assert code == 2
    assert capsys.readouterr().err.startswith(f"circlet dataset: error: {message}")
    assert not output.parent.exists()


def test_a_table_that_is_not_of_records_is_refused(tmp_path, capsys):
    code, output, _ = build(tmp_path, [CIRCLES, LINEAR.drop(columns=["gene", "end"])], *KEPT)
    assert code == 2
    path = tmp_path / "sources" / "1.parquet"
    assert capsys.readouterr().err == (
        f"circlet dataset: error: {path}: lacks the columns ['end', 'gene']; make the file again\n"
    )
    assert not output.parent.exists()


@pytest.mark.parametrize("reference", ["mRNA=3", "circRNA", "circRNA=-3", "circRNA=3.5"])
def test_a_reference_is_a_label_and_a_count(tmp_path, capsys, reference):
    with pytest.raises(SystemExit) as caught:
        build(tmp_path, [CIRCLES, LINEAR], "--reference", reference)
    assert caught.value.code == 2
    assert f"{reference!r} is not LABEL=COUNT with a label of" in capsys.readouterr().err
