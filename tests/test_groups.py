"""What must not be cut, against the definition applied to every pair of transcripts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet.data.groups import group, joined_components
from circlet.data.records import Record, records_to_table
from circlet.errors import InputError
from circlet.tables import SCHEMES

property_test = settings(derandomize=True, deadline=None, max_examples=100)


def dataset(*rows, assembly="hg19"):
    """Transcripts t0, t1, … of (place, gene, accession of the gene if any).

    A place is `chrom:start-end:strand` or None.
    """
    records = []
    for number, (place, *gene) in enumerate(rows):
        chrom, span, strand = place.split(":") if place else (None, None, None)
        start, end = map(int, span.split("-")) if place else (None, None)
        records.append(Record(f"t{number}", "A", chrom, start, end, strand, *gene))
    table = records_to_table(records, "mine", "circRNA", assembly)
    return table.set_axis([2 * row + 9 for row in range(len(table))])  # an index of its own


def clusters_of(table, names=None):
    """The names as homology clusters; each transcript by itself if there are none."""
    return pd.Series(names or table["id"].tolist(), index=table.index, dtype="string")


def groups_of(table, scheme, names=None):
    found = group(table, scheme, clusters_of(table, names))
    assert found.index.equals(table.index)
    assert found.dtypes.astype(str).to_dict() == {"group": "string", "fallback": "bool"}
    return found["group"].tolist()


def same(values):
    """Which pairs have the same known value, bool (n, n)."""
    return np.array([[one == two and one is not None for two in values] for one in values])


def closed(related):
    """Let relatives of relatives be relatives, bool (n, n)."""
    related = related | np.eye(len(related), dtype=bool)
    for _ in related:
        related = related @ related
    return related


def overlapping(places):
    """Which pairs of places share a base of one strand, bool (n, n)."""
    related = np.zeros((len(places), len(places)), dtype=bool)
    for one, first in enumerate(places):
        for two, second in enumerate(places):
            if first and second and first[:2] == second[:2]:
                related[one, two] = max(first[2], second[2]) < min(first[3], second[3])
    return related


places = st.tuples(
    st.sampled_from(["chr1", "chr2"]),
    st.sampled_from("+-"),
    st.integers(0, 80),
    st.integers(1, 25),
).map(lambda row: (*row[:3], row[2] + row[3]))
rows = st.tuples(
    places | st.none(),
    st.sampled_from(["G1", "G2", "G3", None, None]),
    st.sampled_from(["E1", "E2", None, None]),
    st.sampled_from(["c1", "c2", "c3", "c4"]),
)


def named(place):
    return f"{place[0]}:{place[2]}-{place[3]}:{place[1]}" if place else None


@property_test
@given(drawn=st.lists(rows, min_size=1, max_size=18), scheme=st.sampled_from(SCHEMES))
def test_groups_are_the_components_of_what_is_related(drawn, scheme):
    where, genes, accessions, names = (list(column) for column in zip(*drawn, strict=True))
    chromosomes = [place and place[0] for place in where]
    serving = {
        "random": range(len(drawn)),
        "gene": [any(row[:3]) or None for row in drawn],
        "locus": where,
        "homology": names,
        "chromosome": chromosomes,
    }[scheme]
    served = [thing is not None for thing in serving]
    related = {
        "random": lambda: np.eye(len(drawn), dtype=bool),
        "gene": lambda: overlapping(where) | same(genes) | same(accessions),
        "locus": lambda: overlapping(where),
        "homology": lambda: same(names),
        "chromosome": lambda: same(chromosomes),
    }[scheme]()
    for row, cluster in enumerate(names):
        if not served[row]:  # with the first of the cluster that is, or else with all of it
            first = [mate for mate, name in enumerate(names) if name == cluster and served[mate]]
            mates = first[:1] or [mate for mate, name in enumerate(names) if name == cluster]
            related[row, mates] = related[mates, row] = True
    table = dataset(*((named(place), *gene) for place, *gene, _ in drawn))
    if not any(served):
        with pytest.raises(InputError, match=f"that the scheme '{scheme}' asks for"):
            groups_of(table, scheme, names)
        return
    assert (same(groups_of(table, scheme, names)) == closed(related)).all()
    fallback = group(table, scheme, clusters_of(table, names))["fallback"]
    assert fallback.tolist() == [not known for known in served]


def test_loci_are_named_by_their_whole_span():
    table = dataset(
        ("chr1:10-20:+", None),
        ("chr1:19-30:+", None),
        ("chr1:30-40:+", None),  # begins where the last one ends
        ("chr1:10-20:-", None),
        ("chr2:10-20:+", None),
        ("chr1:5-11:+", None),
    )
    first, rest = "locus:hg19:chr1:5-30:+", ["30-40:+", "10-20:-"]
    assert groups_of(table, "locus") == [
        *(first, first, *(f"locus:hg19:chr1:{span}" for span in rest)),
        *("locus:hg19:chr2:10-20:+", first),
    ]


@pytest.mark.parametrize("scheme", ["locus", "gene"])
def test_two_assemblies_never_meet(scheme):
    table = dataset(*[("chr1:10-20:+", None)] * 4)
    table["assembly"] = pd.array(["hg19", "hg38", "hg38", None], dtype="string")
    one, two, again, unknown = groups_of(table, scheme)
    assert two == again
    assert len({one, two, unknown}) == 3


def test_genes_that_share_a_locus_are_one_group():
    table = dataset(
        ("chr1:0-10:+", "B"),
        ("chr1:5-15:+", "A"),  # the same locus
        ("chr7:0-10:-", "A"),  # another locus of the same gene
        ("chr7:9-20:-", None),  # no gene, but a place there
        ("chr7:9-20:+", "C"),
        (None, "B"),  # no place, but a gene
        ("chr9:1-2:+", None),
    )
    assert groups_of(table, "gene") == [
        *("gene:A", "gene:A", "gene:A", "gene:A"),
        *("gene:C", "gene:A", "locus:hg19:chr9:1-2:+"),
    ]
    assert not group(table, "gene", clusters_of(table))["fallback"].any()


def test_without_places_genes_are_enough():
    table = dataset((None, "A"), (None, "B"), (None, "A"), assembly=None)
    assert groups_of(table, "gene") == ["gene:A", "gene:B", "gene:A"]


def test_a_gene_is_known_by_its_symbol_or_its_accession():
    table = dataset(
        (None, "B", "E1"),
        (None, "A", "E1"),  # renamed
        (None, "A"),
        (None, None, "E1"),
        (None, None, "E2"),
        ("chr1:0-9:+", None, "E2"),
        ("chr1:5-10:+", None),
    )
    assert groups_of(table, "gene") == ["gene:A"] * 4 + ["gene:E2"] * 3
    assert not group(table, "gene", clusters_of(table))["fallback"].any()


def test_without_genes_places_are_enough():
    table = dataset(("chr1:0-10:+", None), ("chr1:9-20:+", None))
    assert groups_of(table, "gene") == ["locus:hg19:chr1:0-20:+"] * 2


def test_a_transcript_without_a_place_falls_back_to_its_homology():
    table = dataset(
        (None, "A"),
        ("chr1:0-10:+", None),
        ("chr2:0-10:+", None),
        (None, None),
        (None, None),
        ("chr3:0-10:+", None),
    )
    names = ["c1", "c1", "c1", "c2", "c2", "c3"]
    found = group(table, "locus", clusters_of(table, names))
    first = "locus:hg19:chr1:0-10:+"
    assert found["group"].tolist() == [
        *(first, first, "locus:hg19:chr2:0-10:+"),
        *("homology:c2", "homology:c2", "locus:hg19:chr3:0-10:+"),
    ]
    assert found["fallback"].tolist() == [True, False, False, True, True, False]


def test_a_place_lacking_its_strand_is_none_for_a_locus_and_enough_for_a_chromosome():
    table = dataset(("chr1:0-10:+", None), ("chr1:0-10:+", None))
    table["strand"] = pd.array(["+", None], dtype="string")
    assert groups_of(table, "locus") == ["locus:hg19:chr1:0-10:+", "homology:t1"]
    assert groups_of(table, "chromosome") == ["chromosome:chr1"] * 2


def test_groups_of_two_kinds_never_share_a_name():
    table = dataset((None, "t1"), (None, None), ("chr1:0-1:+", "t2"), (None, None))
    assert groups_of(table, "gene", ["c", "t1", "c", "t2"]) == [
        *("gene:t1", "homology:t1", "gene:t2", "homology:t2")
    ]
    assert groups_of(table, "random") == [f"transcript:t{row}" for row in range(4)]


def test_components_of_shared_names():
    one = pd.Series(["a", None, "b", "a", None, "c"], dtype="string")
    two = pd.Series([None, None, "x", "x", None, "y"], dtype="string")
    number = joined_components(one, two)
    assert (same(number.tolist()) == same([0, 1, 0, 0, 4, 5])).all()


def test_a_long_chain_is_one_group():
    length = 20_000  # as quick as it must be: one pass, no recursion
    table = dataset(*((f"chr1:{10 * row}-{10 * row + 11}:+", f"G{row}") for row in range(length)))
    assert groups_of(table, "locus") == [f"locus:hg19:chr1:0-{10 * length + 1}:+"] * length
    assert set(groups_of(table, "gene")) == {"gene:G0"}
