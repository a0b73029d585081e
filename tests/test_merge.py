import pandas as pd
import pytest

from circlet.data.merge import merge, same_place, same_sequence, with_known_exons
from circlet.data.records import Record, records_to_table

KNOWN = {"chrom": "chr1", "strand": "+", "start": 100, "end": 120, "exon_lengths": "5,6"}
KNOWN |= {"exon_offsets": "0,14"}


def dataset(*rows):
    """A table of (source:id, fields of a record), without aliases; its index is no range."""
    names = [name.split(":") for name, _ in rows]
    records = [
        Record(**{"id": identifier, "sequence": identifier} | fields)
        for (_, identifier), (_, fields) in zip(names, rows, strict=True)
    ]
    table = records_to_table(records, "", "circRNA", "hg19")
    return table.assign(
        source=pd.array([source for source, _ in names], dtype="string"),
        aliases=pd.Series(pd.NA, index=table.index, dtype="string"),
    ).set_axis([3 * row + 5 for row in range(len(rows))])


def kept(table):
    """Ids and aliases that are left, an empty text where there is none."""
    return dict(zip(table["id"], table["aliases"].fillna(""), strict=True))


def test_equal_sequences_are_one_record_that_keeps_both_ids():
    table = dataset(
        ("one:a", {"sequence": "ACGT", "gene": "G1"}),
        ("one:b", {"sequence": "ACGA"}),
        ("two:c", {"sequence": "ACGT", "gene": "G2"}),
        ("two:d", {"sequence": "ACGT"}),
        ("one:e", {"sequence": "ACGT"}),
    )
    assert same_sequence(table).tolist() == [0, 1, 0, 0, 0]
    merged = merge(table, same_sequence(table))
    assert kept(merged) == {"a": "two:c two:d one:e", "b": ""}
    assert merged["gene"].fillna("").tolist() == ["G1", ""]
    assert merged.index.tolist() == [5, 8]
    assert merged.dtypes.equals(table.dtypes)
    assert table["aliases"].isna().all()  # the given table is left alone


def test_a_record_without_a_place_takes_that_of_its_first_copy_with_one():
    table = dataset(
        ("one:a", {"sequence": "ACGT", "gene": "G0"}),
        ("one:b", {"sequence": "ACGA", "gene": "G1"} | KNOWN),
        ("two:c", {"sequence": "ACGT"}),
        ("two:d", {"sequence": "ACGT", "gene": "G2"} | KNOWN),
        ("two:e", {"sequence": "ACGT", "gene": "G3"} | KNOWN | {"chrom": "chr9"}),
        ("two:f", {"sequence": "ACGA", "gene": "G4"} | KNOWN | {"chrom": "chr9"}),
    )
    merged = merge(table, same_sequence(table))
    assert kept(merged) == {"a": "two:c two:d two:e", "b": "two:f"}
    assert merged[["chrom", "start", "gene"]].to_numpy().tolist() == [
        ["chr1", 100, "G2"],
        ["chr1", 100, "G1"],
    ]
    assert merged["exon_lengths"].tolist() == ["5,6", "5,6"]
    assert same_place(merged).tolist() == [0, 0]  # now that both tell it
    assert table["chrom"].isna().sum() == 2  # the given table is left alone


def test_place_and_gene_are_taken_as_one():
    """Else a record would be said to be of one gene and lie at another."""
    own = {"gene": "G0", "gene_id": "E0", "gene_type": "lincRNA", "exon_count": 9, "biotype": "own"}
    taken = KNOWN | {"gene_type": "protein_coding", "gene_id": "E2", "exon_count": 2}
    table = dataset(
        ("one:a", {"sequence": "ACGT"} | own),
        ("two:b", {"sequence": "ACGT", "biotype": "other"} | taken),
    )
    table["assembly"] = pd.array([None, "hg38"], dtype="string")
    (row,) = merge(table, same_sequence(table)).to_dict("records")
    expected = taken | {"id": "a", "source": "one", "biotype": "own", "assembly": "hg38"}
    assert {name: row[name] for name in expected} == expected
    assert pd.isna(row["gene"])


def test_two_labels_are_never_one():
    table = dataset(("one:a", KNOWN | {"sequence": "A"}), ("two:b", KNOWN | {"sequence": "A"}))
    table["label"] = pd.array(["circRNA", "lncRNA"], dtype="string")
    assert same_sequence(table).tolist() == [0, 1]
    assert same_place(table).tolist() == [0, 1]


@pytest.mark.parametrize(
    "change",
    [
        {"chrom": "chr2"},
        {"strand": "-"},
        {"start": 101},
        {"end": 121},
        {"exon_lengths": "6,5"},
        {"exon_offsets": "0,15"},
        {"exon_lengths": None, "exon_offsets": None},
        {"exon_offsets": None},
        {"chrom": None},
        {"strand": None},
        {"start": None, "end": None},
    ],
)
def test_the_same_place_and_exons_are_one(change):
    table = dataset(("one:a", KNOWN), ("two:b", KNOWN), ("two:c", KNOWN | change))
    assert same_place(table).tolist() == [0, 0, 2]
    assert kept(merge(table, same_place(table))) == {"a": "two:b", "c": ""}


def test_what_is_not_known_is_not_the_same():
    unknown = dict.fromkeys(KNOWN)
    table = dataset(("one:a", unknown), ("two:b", unknown))
    assert same_place(table).tolist() == [0, 1]
    pd.testing.assert_frame_equal(merge(table, same_place(table)), table)
    assert same_place(table[:0]).tolist() == []
    assert merge(table[:0], same_sequence(table[:0])).empty


def test_two_assemblies_are_two_places():
    table = dataset(("one:a", KNOWN), ("two:b", KNOWN))
    table["assembly"] = pd.array(["hg19", "hg38"], dtype="string")
    assert same_place(table).tolist() == [0, 1]


def test_a_sequence_as_long_as_its_span_has_one_exon():
    span = {"chrom": "chr1", "strand": "+", "start": 10, "end": 14}
    table = dataset(
        ("one:a", span | {"sequence": "ACGT"}),
        ("two:b", span | {"sequence": "ACGA", "exon_lengths": "4", "exon_offsets": "0"}),
        ("two:c", span | {"sequence": "ACG"}),  # spliced, nobody knows how
        ("two:d", span | {"sequence": "AGG"}),
        ("two:e", {"sequence": "ACGC"}),
        ("two:f", span | {"sequence": "ACGG", "exon_lengths": "1,1", "exon_offsets": "0,3"}),
    )
    place = with_known_exons(table)
    assert place["exon_lengths"].fillna("").tolist() == ["4", "4", "", "", "", "1,1"]
    assert place["exon_offsets"].fillna("").tolist() == ["0", "0", "", "", "", "0,3"]
    assert same_place(table).tolist() == [0, 0, 2, 3, 4, 5]
    assert table["exon_lengths"].isna().tolist() == [True, False, True, True, True, False]


def test_chains_of_merges_keep_all_ids():
    table = dataset(
        ("one:a", KNOWN | {"sequence": "A"}),
        ("two:b", KNOWN | {"sequence": "C"}),
        ("two:c", {"sequence": "C"}),
        ("three:d", {"sequence": "A"}),
        ("three:e", {"sequence": "C"}),
        ("three:f", {"sequence": "G"}),
    )
    once = merge(table, same_sequence(table))
    assert kept(once) == {"a": "three:d", "b": "two:c three:e", "f": ""}
    twice = merge(once, same_place(once))
    assert kept(twice) == {"a": "three:d two:b two:c three:e", "f": ""}
    assert twice["aliases"].dtype == "string"
