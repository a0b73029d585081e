import logging

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet.cli import main
from circlet.data.dataset import (
    check_classes,
    check_styles,
    clean,
    has_biotype,
    is_acgt,
    normalise_sequences,
    summarise,
)
from circlet.data.records import Record, records_to_table
from circlet.errors import InputError
from circlet.files import write_table
from circlet.tables import (
    DATASET_COLUMNS,
    FLAGS,
    INTEGER_COLUMNS,
    LABELS,
    LINEAR_EXONS,
    SUMMARY_COLUMNS,
    TRANSCRIPT_COLUMNS,
)

STEPS = ["records", "biotype", "non_acgt", "too_short", "duplicate", "same_place", *FLAGS]
KEPT = ["--min-length", "4", "--biotypes", "lincRNA", "antisense"]
DROP = ["--drop", "both_labels"]
PLACE = {"chrom": "chr1", "strand": "+", "start": 10, "end": 30}
EXONS = {"exon_lengths": "2,3", "exon_offsets": "0,17"}

CIRCLES = records_to_table(
    [
        Record("c1", "acgU"),  # as long as the bound; its U is a T
        Record("c2", "ACGT"),  # c1 once more
        Record("c3", "ACGN"),
        Record("c4", "ACG"),
        Record("c5", "GGGGG"),  # n3 has it too
        Record("c6", "CCCCC", gene="G1", **PLACE, **EXONS),
    ],
    "circles",
    "circRNA",
    "hg19",
)
RINGS = records_to_table(
    [
        Record("r1", "CCCCC"),  # c6 once more
        Record("r2", "UUUUU"),
        Record("r3", "CCCCA", **PLACE, **EXONS),  # where c6 is
    ],
    "rings",
    "circRNA",
    "hg19",
)
LINEAR = records_to_table(
    [
        Record("n1", "AAAAA", biotype="miRNA"),
        Record("n2", "AAAAA", biotype="lincRNA", **PLACE | {"start": 29, "end": 99}),  # over c6
        Record("n3", "GGGGG", biotype="antisense"),
        Record("n4", "GAGAG", gene_type="protein_coding"),  # no biotype
        Record("n5", "ACGT", biotype="miRNA"),  # c1's sequence, but it is no negative at all
        Record("n6", "NN", biotype="lincRNA"),  # short as well
    ],
    "linear",
    "lncRNA",
    "hg19",
)

# A dash stands for an empty field.
SUMMARY = """
source  label   step             flagged removed remaining reference
circles circRNA records          -       -       6         -
circles circRNA biotype          -       0       6         -
circles circRNA non_acgt         -       1       5         -
circles circRNA too_short        -       1       4         -
circles circRNA duplicate        -       1       3         -
circles circRNA same_place       -       0       3         -
circles circRNA overlaps_circrna 0       0       3         -
circles circRNA both_labels      1       1       2         -
circles circRNA coding_gene      0       0       2         -
rings   circRNA records          -       -       3         -
rings   circRNA biotype          -       0       3         -
rings   circRNA non_acgt         -       0       3         -
rings   circRNA too_short        -       0       3         -
rings   circRNA duplicate        -       1       2         -
rings   circRNA same_place       -       1       1         -
rings   circRNA overlaps_circrna 0       0       1         -
rings   circRNA both_labels      0       0       1         -
rings   circRNA coding_gene      0       0       1         -
linear  lncRNA  records          -       -       6         -
linear  lncRNA  biotype          -       2       4         -
linear  lncRNA  non_acgt         -       1       3         -
linear  lncRNA  too_short        -       0       3         -
linear  lncRNA  duplicate        -       0       3         -
linear  lncRNA  same_place       -       0       3         -
linear  lncRNA  overlaps_circrna 1       0       3         -
linear  lncRNA  both_labels      1       1       2         -
linear  lncRNA  coding_gene      1       0       2         -
total   circRNA kept             -       -       3         3
total   lncRNA  kept             -       -       2         1000
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
    flags = [*KEPT, *DROP, "--reference", "circRNA=3", "lncRNA=1000"]
    code, output, summary = build(tmp_path, [CIRCLES, RINGS, LINEAR], *flags)
    assert code == 0
    found = [line.split("\t") for line in summary.read_text().splitlines()]
    assert found == [
        [field.replace("-", "") for field in line.split()] for line in SUMMARY.strip().splitlines()
    ]
    table = pd.read_parquet(output)
    assert tuple(table.columns) == DATASET_COLUMNS
    assert table.dtypes.astype(str).to_dict() == {
        **{name: "Int64" if name in INTEGER_COLUMNS else "string" for name in TRANSCRIPT_COLUMNS},
        **{"aliases": "string", "soft_masked": "Float64", **dict.fromkeys(FLAGS, "bool")},
    }
    assert table[["id", "source", "label", "sequence"]].to_numpy().tolist() == [
        ["c1", "circles", "circRNA", "ACGT"],
        ["c6", "circles", "circRNA", "CCCCC"],
        ["r2", "rings", "circRNA", "TTTTT"],
        ["n2", "linear", "lncRNA", "AAAAA"],
        ["n4", "linear", "lncRNA", "GAGAG"],
    ]
    assert table["gene"].fillna("-").tolist() == ["-", "G1", "-", "-", "-"]
    assert table["biotype"].fillna("-").tolist() == ["-", "-", "-", "lincRNA", "-"]
    assert table["aliases"].fillna("-").tolist() == ["circles:c2", "rings:r1 rings:r3", *"---"]
    assert table["soft_masked"].fillna(-1).tolist() == [0.75, 0, -1, -1, -1]
    flagged = {flag: table["id"][table[flag]].tolist() for flag in FLAGS}
    assert flagged == {"overlaps_circrna": ["n2"], "both_labels": [], "coding_gene": ["n4"]}
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["lncRNA: 2 transcripts, where the literature counts 1,000"]
    assert "kept 5 transcripts, 24 nt" in caplog.messages
    assert caplog.messages[2] == (
        "linear: 6 lncRNA, less 2 biotype, 1 non_acgt, 0 too_short, 0 duplicate, 0 same_place, "
        "0 overlaps_circrna (1 flagged), 1 both_labels, 0 coding_gene (1 flagged)"
    )


@pytest.mark.parametrize(
    ("drop", "kept"),
    [
        ([], ["c1", "c5", "c6", "r2", "n2", "n3", "n4"]),
        (["overlaps_circrna"], ["c1", "c5", "c6", "r2", "n3", "n4"]),
        (["coding_gene"], ["c1", "c5", "c6", "r2", "n2", "n3"]),
        (["both_labels"], ["c1", "c6", "r2", "n2", "n4"]),
        (["coding_gene", "both_labels"], ["c1", "c6", "r2", "n2"]),
        (["coding_gene", "overlaps_circrna"], ["c1", "c5", "c6", "r2", "n3"]),
    ],
)
def test_doubts_are_kept_with_a_flag_or_dropped(tmp_path, drop, kept):
    flags = [*KEPT, *(["--drop", *drop] if drop else [])]
    code, output, summary = build(tmp_path, [CIRCLES, RINGS, LINEAR], *flags)
    assert code == 0
    table = pd.read_parquet(output)
    assert table["id"].tolist() == kept
    doubted = {"overlaps_circrna": {"n2"}, "both_labels": {"c5", "n3"}, "coding_gene": {"n4"}}
    counts = pd.read_csv(summary, sep="\t").groupby("step")[["flagged", "removed"]].sum()
    for flag in FLAGS:
        assert set(table["id"][table[flag]]) == doubted[flag] & set(kept)
        assert counts.loc[flag, "flagged"] == len(doubted[flag])
        assert counts.loc[flag, "removed"] == (len(doubted[flag]) if flag in drop else 0)


def test_an_unknown_doubt_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        build(tmp_path, [CIRCLES, LINEAR], "--drop", "all")
    assert caught.value.code == 2
    assert "argument --drop: invalid choice: 'all'" in capsys.readouterr().err


def test_hard_negatives_are_counted_apart(tmp_path):
    exons = [
        Record("h1", "ACACA", biotype=LINEAR_EXONS, gene_type="protein_coding"),
        Record("h2", "AC", biotype=LINEAR_EXONS),
    ]
    hard = records_to_table(exons, "exons", "lncRNA", "hg19")
    biotypes = ["--min-length", "4", "--biotypes", "lincRNA"]  # which hard negatives need not be
    code, output, summary = build(tmp_path, [CIRCLES, LINEAR, hard], *biotypes)
    assert code == 0
    table = pd.read_parquet(output).set_index("id")
    assert table.index.tolist() == ["c1", "c5", "c6", "n2", "n4", "h1"]
    assert not table.loc["h1", "coding_gene"]
    assert [line.split("\t") for line in summary.read_text().splitlines()[-3:]] == [
        ["total", "circRNA", "kept", "", "", "3", ""],
        ["total", "lncRNA", "kept", "", "", "2", ""],
        ["total", "lncRNA", "hard_negatives", "", "", "1", ""],
    ]


def test_hard_negatives_are_no_negatives_to_train_on(tmp_path, capsys):
    hard = records_to_table(
        [Record("h1", "ACACA", biotype=LINEAR_EXONS)], "exons", "lncRNA", "hg19"
    )
    code, output, _ = build(tmp_path, [CIRCLES, hard], *KEPT)
    assert code == 2
    assert "dataset: no lncRNA is left after the filters" in capsys.readouterr().err
    assert not output.exists()


def test_the_same_input_gives_the_same_bytes(tmp_path):
    runs = [build(tmp_path / name, [CIRCLES, LINEAR], *KEPT) for name in ("one", "two")]
    (_, *one), (_, *two) = runs
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_without_references_there_is_no_warning(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    code, _, summary = build(tmp_path, [CIRCLES, LINEAR], *KEPT)
    assert code == 0
    assert caplog.messages == []
    totals = summary.read_text().splitlines()[-2:]
    assert totals == ["total\tcircRNA\tkept\t\t\t3\t", "total\tlncRNA\tkept\t\t\t3\t"]


def test_an_id_of_two_sources_is_told_apart(tmp_path, caplog):
    """As of two samples of one caller, whose ids are places."""
    caplog.set_level(logging.INFO)
    samples = [RINGS, RINGS.assign(source="sample"), CIRCLES, LINEAR]
    samples[1] = samples[1].assign(sequence=["CCCCC", "UUGUU", "CCGCA"])
    samples[1].loc[2, "start"] = 11
    code, output, _ = build(tmp_path, samples, *KEPT)
    assert code == 0
    table = pd.read_parquet(output).set_index("id")
    assert table.index[:4].tolist() == ["r1", "r2", "sample:r2", "sample:r3"]
    assert table.loc["r1", "aliases"].split() == ["sample:r1", "circles:c6", "rings:r3"]
    assert caplog.messages[0] == "3 ids are of another source already: named source:id"
    assert table["chrom"].fillna("-")["r1"] == "chr1"  # that of c6


def test_scaffolds_beside_chromosomes_are_no_style(tmp_path):
    mixed = RINGS.assign(chrom=["chr1", "GL000192.1", "chr1"], start=1, end=9, strand="+")
    bare = LINEAR.assign(chrom="chr1")
    assert build(tmp_path, [mixed, bare], *KEPT)[0] == 0


def named(*rows):
    """A table of (assembly, source, chromosome)."""
    return pd.DataFrame(rows, columns=["assembly", "source", "chrom"], dtype="string")


@pytest.mark.parametrize(
    "rows",
    [
        [("hg19", "a", "1"), ("hg38", "b", "chr1")],  # they need not meet
        [("hg19", "a", "1"), ("hg19", "b", None), ("hg19", "c", "2")],
        [("hg19", "a", "chr1"), ("hg19", "a", "GL1"), ("hg19", "b", "1"), ("hg19", "c", "2")],
        [("hg19", "a", "1"), ("hg19", "b", "chr1"), ("hg19", "b", "1")],
    ],
)
def test_one_style_an_assembly_is_taken(rows):
    check_styles(named(*rows))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [("hg19", "a", "1"), ("hg19", "b", "chr2")],
            "b: names chromosomes of hg19 like 'chr2', but a like '1'; name them alike",
        ),
        (
            [("hg19", "a", "chr1"), ("hg19", "b", "2")],
            "b: names chromosomes of hg19 like '2', but a like 'chr1'",
        ),
        # As they are given, not by their names.
        (
            [("hg19", "b", "1"), ("hg19", "a", "chr2")],
            "a: names chromosomes of hg19 like 'chr2', but b like '1'",
        ),
        # The first source has both styles, so that the second one's counts.
        (
            [
                ("hg19", "a", "chr1"),
                ("hg19", "a", "GL1"),
                ("hg19", "b", "3"),
                ("hg19", "c", "chr4"),
            ],
            "c: names chromosomes of hg19 like 'chr4', but b like '3'",
        ),
        (
            [("hg38", "a", "chr1"), ("hg19", "a", "5"), ("hg19", "b", "6"), ("hg38", "c", "7")],
            "c: names chromosomes of hg38 like '7', but a like 'chr1'",
        ),
    ],
)
def test_two_styles_of_one_assembly_are_refused(rows, message):
    with pytest.raises(InputError, match=f"^sources: {message}"):
        check_styles(named(*rows))


def test_the_step_without_options_takes_all_of_200_nt(tmp_path):
    circles = [Record("c1", "ACGT" * 50), Record("c2", "ACG" * 66 + "T"), Record("c3", "G" * 300)]
    lines = [Record("n1", "C" * 200, biotype="miRNA"), Record("n2", "G" * 300)]
    tables = [
        records_to_table(circles, "circles", "circRNA", "hg19"),
        records_to_table(lines, "linear", "lncRNA", "hg19"),
    ]
    code, output, _ = build(tmp_path, tables)
    assert code == 0
    table = pd.read_parquet(output)
    assert table["id"].tolist() == ["c1", "c3", "n1", "n2"]  # doubts of c3 and n2 are kept
    assert table["both_labels"].tolist() == [False, True, False, True]


def test_circrnas_too_short_to_keep_have_their_places_still():
    circrnas = records_to_table(
        [Record("c1", "ACG", **PLACE), Record("c2", "GTGTG")], "db", "circRNA", "hg19"
    )
    elsewhere = Record("n2", "GGAGG", **PLACE | {"start": 30, "end": 60})
    lncrnas = [Record("n1", "GAGAG", **PLACE), elsewhere]
    lncrnas = records_to_table(lncrnas, "linear", "lncRNA", "hg19")
    kept, _ = clean(pd.concat([circrnas, lncrnas], ignore_index=True), 4, [], [])
    assert kept["id"].tolist() == ["c2", "n1", "n2"]
    assert kept["overlaps_circrna"].tolist() == [False, True, False]


def test_a_doubt_stays_when_another_takes_what_raised_it():
    """Which doubts cost a place must not change what the others say."""
    circrnas = records_to_table([Record("c2", "GTGTG")], "db", "circRNA", "hg19")
    twin = Record("n1", "GTGTG", gene_type="protein_coding")
    lncrnas = records_to_table([twin, Record("n2", "AAAAA")], "linear", "lncRNA", "hg19")
    kept, _ = clean(pd.concat([circrnas, lncrnas], ignore_index=True), 4, [], ["coding_gene"])
    assert kept["id"].tolist() == ["c2", "n2"]
    assert kept["both_labels"].tolist() == [True, False]


@pytest.mark.parametrize(("reported", "told"), [(2, 1), (3, 0), (4, 1)])
def test_a_count_that_differs_from_the_literature_is_told(caplog, reported, told):
    kept, counts = clean(pd.concat([CIRCLES, LINEAR], ignore_index=True), 4, ["lincRNA"], [])
    check_classes(kept, summarise(counts, kept, {"circRNA": reported}))
    warning = f"circRNA: 3 transcripts, where the literature counts {reported}"
    assert caplog.messages == [warning] * told


def test_the_first_source_keeps_a_duplicate(tmp_path):
    _, output, _ = build(tmp_path, [RINGS.iloc[:2], CIRCLES, LINEAR], *KEPT, *DROP)
    table = pd.read_parquet(output)
    assert table["id"].tolist() == ["r1", "r2", "c1", "n2", "n4"]
    assert table["aliases"].fillna("-").tolist() == ["circles:c6", "-", "circles:c2", "-", "-"]


def test_sequences_become_upper_case_dna():
    table = records_to_table([Record("a", "acGuUtn-")], "mine", "circRNA", None)
    assert normalise_sequences(table)["sequence"].tolist() == ["ACGTTTN-"]
    assert table["sequence"].tolist() == ["acGuUtn-"]  # the given table is left alone


@pytest.mark.parametrize(
    ("sequences", "shares"),
    [
        (["acgT", "ACGT", "acgt", "aCGTACGTAC"], [0.75, 0, 1, 0.1]),
        (["ACGT", "UU"], [None, None]),
        (["acgt", "uu"], [None, None]),  # all of it, so that the case says nothing
        (["", "acGT"], [None, 0.5]),
    ],
)
def test_lower_case_is_a_repeat_where_a_source_writes_both(sequences, shares):
    records = [Record(f"a{place}", sequence) for place, sequence in enumerate(sequences)]
    mine = records_to_table(records, "mine", "circRNA", None)
    other = records_to_table([Record("b", "ACGT")], "other", "circRNA", None)
    found = normalise_sequences(pd.concat([mine, other], ignore_index=True))["soft_masked"]
    assert found.dtype == "Float64"
    expected = pd.Series([*shares, None], dtype="Float64", name="soft_masked")
    pd.testing.assert_series_equal(found, expected)


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


def test_a_source_of_which_nothing_is_left_stays_in_the_summary():
    table = pd.concat([CIRCLES, LINEAR], ignore_index=True)
    kept, counts = clean(table, 5, ["none"], [])
    assert kept["id"].tolist() == ["c5", "c6", "n4"]
    _, counts = clean(table, 6, [], FLAGS)
    assert counts.loc[counts["step"] == FLAGS[-1], "remaining"].tolist() == [0, 0]
    assert counts.loc[counts["step"].isin(FLAGS), "flagged"].tolist() == [0] * 6
    assert counts.loc[counts["step"] == "too_short", "removed"].tolist() == [5, 5]


def test_one_source_of_both_labels_is_counted_by_label():
    mine = pd.concat([CIRCLES, LINEAR], ignore_index=True).assign(source="mine")
    kept, counts = clean(mine, 4, ["lincRNA", "antisense"], ["both_labels"])
    assert kept["label"].value_counts().to_dict() == {"circRNA": 2, "lncRNA": 2}
    assert counts["source"].unique().tolist() == ["mine"]
    counts = counts.set_index(["label", "step"])
    assert counts["remaining"]["circRNA"].tolist() == [6, 6, 5, 4, 3, 3, 3, 2, 2]
    assert counts["remaining"]["lncRNA"].tolist() == [6, 4, 3, 3, 3, 3, 3, 2, 2]
    assert counts["flagged"]["circRNA"].dropna().tolist() == [0, 1, 0]
    assert counts["flagged"]["lncRNA"].dropna().tolist() == [1, 1, 1]
    summary = summarise(counts.reset_index(), kept, {})
    assert summary.tail(2)["remaining"].tolist() == [2, 2]


def test_a_reference_may_be_known_for_one_label_alone():
    kept, counts = clean(pd.concat([CIRCLES, LINEAR], ignore_index=True), 4, [], [])
    summary = summarise(counts, kept, {"lncRNA": 7})
    assert tuple(summary.columns) == SUMMARY_COLUMNS
    assert summary.tail(2)["label"].tolist() == ["circRNA", "lncRNA"]
    assert summary.tail(2)["reference"].fillna(-1).tolist() == [-1, 7]
    assert summary["reference"].head(-2).isna().all()


def test_two_labels_keep_the_same_place_and_sequence_apart():
    one, other = (
        records_to_table([Record(name, "ACGT", **PLACE, **EXONS)], name, label, "hg19")
        for name, label in (("a", "circRNA"), ("b", "lncRNA"))
    )
    kept, _ = clean(pd.concat([one, other], ignore_index=True), 4, [], [])
    assert kept["id"].tolist() == ["a", "b"]
    assert kept[list(FLAGS)].to_numpy().tolist() == [[False, True, False], [True, True, False]]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["one", "two", "three"]),
            st.text("ACGTUacgun", min_size=1, max_size=4),
            st.sampled_from([None, "lincRNA", "miRNA", LINEAR_EXONS]),
            st.integers(0, 5) | st.none(),
            st.sampled_from([None, "protein_coding"]),
        ),
        min_size=1,
        max_size=40,
    ),
    drop=st.sets(st.sampled_from(FLAGS)),
)
def test_every_transcript_is_kept_or_counted_once(rows, drop):
    """Source `one` is of circRNAs, the others of lncRNAs."""
    sources = [row[0] for row in rows]
    records = [
        Record(
            str(number),
            sequence,
            **{} if start is None else {"chrom": "chr1", "start": start, "end": start + 3},
            strand="+",
            biotype=biotype,
            gene_type=gene_type,
        )
        for number, (_, sequence, biotype, start, gene_type) in enumerate(rows)
    ]
    labels = [LABELS[source == "one"] for source in sources]
    table = records_to_table(records, "", "", None).assign(source=sources, label=labels)
    table["assembly"] = pd.array(["hg19"] * len(table), dtype="string")
    kept, counts = clean(table, 2, ["lincRNA"], sorted(drop))
    for source in {row[0] for row in rows}:
        of_source = counts[counts["source"] == source]
        assert of_source["step"].tolist() == STEPS
        assert of_source["remaining"].iloc[0] == sum(row[0] == source for row in rows)
        assert (
            of_source["removed"].sum() + (kept["source"] == source).sum()
            == (of_source["remaining"].iloc[0])
        )
    assert not kept.duplicated(["label", "sequence"]).any()
    merged = counts.loc[counts["step"].isin(["duplicate", "same_place"]), "removed"].sum()
    aliases = kept["aliases"].dropna().str.split(",").explode()
    assert aliases.is_unique
    assert len(aliases) <= merged  # fewer where a doubt took the record that had them
    assert len(aliases) == merged or drop
    assert not kept[list(drop)].any(axis=None)
    assert kept["sequence"].str.fullmatch("[ACGT]{2,}").all()
    assert not ((kept["biotype"] == "miRNA") & (kept["label"] == "lncRNA")).any()
    assert kept["id"].astype(int).is_monotonic_increasing
    again, _ = clean(kept[list(TRANSCRIPT_COLUMNS)], 2, ["lincRNA"], [])
    assert again[list(TRANSCRIPT_COLUMNS)].equals(kept[list(TRANSCRIPT_COLUMNS)])


@pytest.mark.parametrize(
    ("tables", "flags", "message"),
    [
        ([LINEAR], KEPT, "dataset: no circRNA is left after the filters; enable a source of that"),
        ([CIRCLES], KEPT, "dataset: no lncRNA is left after the filters; enable a source of that"),
        (
            [CIRCLES, LINEAR],
            ["--min-length", "6"],
            "dataset: no circRNA is left after the filters; enable a source of that label, or "
            "relax min_length or biotypes\n",
        ),
        (
            [CIRCLES, LINEAR.assign(id="n1")],
            KEPT,
            "sources: n1: the id stands more than once in linear; give every transcript an id of "
            "its own\n",
        ),
        (
            [CIRCLES, LINEAR.assign(id=["n1", "n2", "n3", "n2", "n5", "n6"])],
            KEPT,
            "sources: n2: the id stands more than once in linear;",
        ),
        (
            [CIRCLES, LINEAR.assign(id=["n1", "c1", "linear:c1", "n4", "n5", "n6"])],
            KEPT,
            "sources: linear:c1: the id stands more than once, even behind its source's name; "
            "give every transcript an id of its own\n",
        ),
        (
            [CIRCLES, LINEAR.assign(chrom=LINEAR["chrom"].str.removeprefix("chr"))],
            KEPT,
            "sources: linear: names chromosomes of hg19 like '1', but circles like 'chr1'; name "
            "them alike\n",
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


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "the following arguments are required: --records, --output, --summary"),
        (["--records"], "argument --records: expected at least one argument"),
        (["--drop", "doubt"], "argument --drop: invalid choice: 'doubt' (choose from"),
        (["--min-length", "4.5"], "argument --min-length: invalid int value: '4.5'"),
    ],
)
def test_a_command_line_that_makes_no_sense(capsys, words, problem):
    with pytest.raises(SystemExit) as end:
        main(["dataset", *words])
    assert end.value.code == 2
    assert problem in capsys.readouterr().err
