"""Marks that relatives share, and similarity of sequences."""

import numpy as np
import pandas as pd
import pytest

from circlet.data.relatives import (
    SEARCHED,
    bear_trained,
    draw_searched,
    find_similar,
    gene_marks,
    splice_sites,
)

PLACE = ("label", "chrom", "strand", "start", "end", "exon_lengths", "exon_offsets")


def placed(*rows, assembly="hg19"):
    """Transcripts at places."""
    table = pd.DataFrame(rows, columns=list(PLACE)).assign(assembly=assembly)
    text = [name for name in table if name not in ("start", "end")]
    return table.astype({**dict.fromkeys(text, "string"), "start": "Int64", "end": "Int64"})


def bases(size, seed):
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), size))


def marks_of(rows, marks, row):
    return set(marks[rows == row].tolist())


def test_genes_are_numbered_and_missing_ones_are_none():
    genes = {"gene": ["A", None, "B", "A", None, None]}
    genes["gene_id"] = ["a", None, None, "b", "a", "c"]
    rows, marks = gene_marks(pd.DataFrame(genes, dtype="string"))
    assert rows.tolist() == [0, 2, 3, 4, 5]
    # By symbol or by accession: rows 0, 3 and 4 are of one gene.
    assert (marks == marks[0]).tolist() == [True, False, True, True, False]
    assert marks[1] != marks[4]


def test_splice_sites_of_circles_and_of_linear_transcripts():
    table = placed(
        ("circRNA", "chr1", "+", 100, 400, "50,100", "0,200"),  # 100-150, 300-400
        ("lncRNA", "chr1", "+", 0, 600, "150,50,100", "0,300,500"),  # 0-150, 300-350, 500-600
        ("lncRNA", "chr1", "+", 300, 400, "100", "0"),
        ("circRNA", "chr1", "+", 300, 600, None, None),
        ("circRNA", None, "+", 100, 400, None, None),
        ("lncRNA", "chr1", "+", 100, 400, None, None),
    )
    rows, marks = splice_sites(table)
    found = [marks_of(rows, marks, row) for row in range(6)]
    assert [len(own) for own in found] == [4, 4, 0, 2, 0, 0]
    assert len(found[0] & found[1]) == 2  # the end 150 and the start 300
    assert len(found[0] & found[3]) == 1  # the start 300; the ends 400 and 600 differ
    assert len(found[1] & found[3]) == 1  # the start 300; the linear outer end 600 is none
    assert len(found[0] | found[1] | found[3]) == 7


@pytest.mark.parametrize(
    "other",
    [
        ("circRNA", "chr1", "-", 100, 400, None, None),
        ("circRNA", "chr2", "+", 100, 400, None, None),
        ("circRNA", "chr1", "+", 400, 500, None, None),  # a start where the other ends
    ],
)
def test_a_site_is_of_one_strand_chromosome_and_side(other):
    _, marks = splice_sites(placed(("circRNA", "chr1", "+", 100, 400, None, None), other))
    assert len(set(marks.tolist())) == 4


def test_a_site_is_of_one_assembly():
    row = ("circRNA", "chr1", "+", 100, 400, None, None)
    _, marks = splice_sites(pd.concat([placed(row), placed(row, assembly="hg38")]))
    assert len(set(marks.tolist())) == 4


def test_without_places_or_genes_there_are_no_marks():
    table = placed(("circRNA", None, None, None, None, None, None)).assign(
        gene=pd.NA, gene_id=pd.NA
    )
    for rows, marks in (splice_sites(table), gene_marks(table)):
        assert len(rows) == len(marks) == 0
        assert bear_trained(rows, marks, np.array([True])).tolist() == [False]


def test_a_mark_of_the_training_part_finds_all_that_bear_it():
    rows, marks = np.array([0, 0, 1, 2, 3]), np.array([0, 1, 1, 2, 2])
    is_train = np.array([True, False, False, False, False])
    assert bear_trained(rows, marks, is_train).tolist() == [True, True, False, False, False]


def similar(train, *tests, threads=1):
    """Whether each test sequence is like the one of training."""
    is_train = np.array([True] + [False] * len(tests))
    return find_similar([train, *tests], is_train, ~is_train, threads)[1:].tolist()


def test_half_of_the_test_sequence_must_be_covered_on_the_sense_strand():
    train = bases(400, 1)
    reverse = train[::-1].translate(str.maketrans("ACGT", "TGCA"))
    tests = [train[:160] + bases(140, 2), train[:130] + bases(170, 3), reverse, train[100:300]]
    assert similar(train, *tests) == [True, False, False, True]
    assert similar(train, *tests, threads=2) == [True, False, False, True]


def test_four_fifths_must_be_identical():
    train = bases(600, 4)
    changed = {"A": "C", "C": "G", "G": "T", "T": "A"}

    def with_clumps(width):
        """Every 40 bases a clump of changed ones."""
        return "".join(changed[b] if i % 40 < width else b for i, b in enumerate(train))

    assert similar(train, with_clumps(6), with_clumps(12)) == [True, False]


def test_a_long_sequence_is_not_cut_into_pieces():
    long = bases(24_000, 5)
    assert similar(long[20_500:23_500], long) == [False]
    assert similar(long[9_000:], long) == [True]


def test_none_may_be_similar():
    assert similar(bases(300, 6), bases(300, 7)) == [False]


def test_all_test_sequences_are_searched_for_or_a_fixed_number_of_them():
    is_test = np.arange(SEARCHED + 2_000) >= 1_000
    searched = draw_searched(is_test, 1)
    assert searched.sum() == SEARCHED
    assert not searched[:1_000].any()
    assert np.array_equal(draw_searched(is_test, 1), searched)
    assert not np.array_equal(draw_searched(is_test, 2), searched)
    few = is_test[: SEARCHED + 1_000]
    assert np.array_equal(draw_searched(few, 1), few)
