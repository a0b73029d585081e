import pandas as pd
import pytest

from circlet.data.noise import DOUBTS, both_labels, coding_gene, overlaps_circrna
from circlet.data.records import Record, records_to_table
from circlet.tables import FLAGS

PLACED = {"chrom": "chr1", "strand": "+"}


def dataset(*rows):
    """A table of (label, fields of a record); its index is no range."""
    records = [
        Record(**{"id": str(number), "sequence": f"A{number}"} | fields)
        for number, (_, fields) in enumerate(rows)
    ]
    table = records_to_table(records, "mine", "circRNA", "hg19")
    table["label"] = pd.array([label for label, _ in rows], dtype="string")
    return table.set_axis([7 * row for row in range(len(rows))])


def ask(doubt, table):
    """Ask a doubt of a dataset from which no filter took a circRNA."""
    return doubt(table, table[table["label"] == "circRNA"])


def circle(**fields):
    return "circRNA", fields


def linear(**fields):
    return "lncRNA", fields


def test_negatives_over_a_circrna():
    table = dataset(
        circle(**PLACED, start=100, end=200),
        circle(**PLACED, start=150, end=250),  # over another circRNA, which is no doubt
        linear(**PLACED, start=240, end=260),
        linear(**PLACED, start=250, end=260),  # begins where the circRNA ends
        linear(**PLACED, start=0, end=100),
        linear(**PLACED, start=0, end=1000),  # the circRNA lies within
        linear(chrom="chr1", strand="-", start=100, end=200),
        linear(chrom="chr2", strand="+", start=100, end=200),
        linear(chrom="chr1", start=100, end=200),  # no strand
        linear(),
        linear(**PLACED, start=199, end=200, biotype="linear_exons"),  # a hard negative
    )
    found = ask(overlaps_circrna, table)
    assert found.tolist() == [False, False, True, False, False, True, *[False] * 4, True]
    assert found.index.equals(table.index)


def test_a_circrna_that_a_filter_took_has_its_place_still():
    table = dataset(circle(**PLACED, start=0, end=9), linear(**PLACED, start=0, end=9))
    assert overlaps_circrna(table[1:], table[:1]).tolist() == [True]


def test_another_assembly_is_another_place():
    table = dataset(circle(**PLACED, start=0, end=9), linear(**PLACED, start=0, end=9))
    assert ask(overlaps_circrna, table).tolist() == [False, True]
    table["assembly"] = pd.array(["hg19", "hg38"], dtype="string")
    assert ask(overlaps_circrna, table).tolist() == [False, False]


def test_sequences_with_both_labels_are_doubted_on_both_sides():
    sequences = [("circRNA", "A"), ("circRNA", "C"), ("lncRNA", "A"), ("lncRNA", "G")]
    sequences += [("lncRNA", "G"), ("circRNA", "A")]
    table = dataset(*((label, {"sequence": sequence}) for label, sequence in sequences))
    assert ask(both_labels, table).tolist() == [True, False, True, False, False, True]


def test_negatives_of_coding_genes():
    table = dataset(
        linear(gene_type="protein_coding", biotype="processed_transcript"),
        linear(gene_type="protein_coding"),  # no biotype
        linear(gene_type="lincRNA", biotype="lincRNA"),
        linear(biotype="lincRNA"),
        linear(gene_type="protein_coding", biotype="linear_exons"),  # by design
        circle(gene_type="protein_coding"),
    )
    assert ask(coding_gene, table).tolist() == [True, True, False, False, False, False]


@pytest.mark.parametrize("flag", FLAGS)
def test_every_doubt_answers_where_nothing_is_known(flag):
    table = dataset(linear(), circle(), linear())
    assert ask(DOUBTS[flag], table).astype(bool).tolist() == [False, False, False]
    assert ask(DOUBTS[flag], table[:0]).astype(bool).tolist() == []
    lncrnas = table[table["label"] == "lncRNA"]
    assert ask(DOUBTS[flag], lncrnas).astype(bool).tolist() == [False, False]
