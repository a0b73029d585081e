"""circBase's FASTA file."""

import contextlib

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from circlet.data.records import Record
from circlet.data.sources.circbase import read
from circlet.errors import InputError

MIRRORED = "www.circbase.org/download/human_hg19_circRNAs_putative_spliced_sequence.fa.gz"


@pytest.fixture
def circbase(tmp_path):
    """Write a FASTA file of one record with the given header, and give its path."""
    path = tmp_path / "circbase.fa"

    def write(header):
        path.write_bytes(f">{header}\nACGT\nAC\n".encode())
        return path

    return write


def test_record(circbase):
    path = circbase("hsa_circ_0000002|chr1:1158623-1159348-|NM_016176|SDF4")
    assert list(read(path)) == [
        Record("hsa_circ_0000002", "ACGTAC", "chr1", 1158623, 1159348, "-", gene="SDF4")
    ]


def test_none_is_no_gene_and_odd_chromosomes_are_kept(circbase):
    (record,) = read(circbase("hsa_circ_0000003|chr6_apd_hap1:10-20+|None|None"))
    assert record == Record("hsa_circ_0000003", "ACGTAC", "chr6_apd_hap1", 10, 20, "+")


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("x", "its header is not 'id|chrom:start-endstrand|transcript|gene'"),
        ("x|chr1:10-20|NM|G", "its header is not"),
        ("x|chr1:10-20+|NM", "its header is not"),
        ("x|chr1:-10-20+|NM|G", "its header is not"),
        ("x|chr1:20-20+|NM|G", "start 20 and end 20 do not bound a place"),
        (f"x|chr1:1-{'9' * 19}+|NM|G", "end '9999999999999999999' is not a whole number"),
    ],
)
def test_malformed_headers_are_refused(circbase, header, problem):
    with pytest.raises(InputError) as caught:
        list(read(circbase(header)))
    assert f"circbase.fa: x: {problem}" in str(caught.value)


def test_duplicate_ids_are_refused(tmp_path):
    path = tmp_path / "twice.fa"
    path.write_text(">x|chr1:1-9+|None|A\nAC\n>x|chr1:1-9+|None|B\nAC\n")
    with pytest.raises(InputError, match="x: two records bear this id"):
        list(read(path))


@settings(
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.text(max_size=40)
    | st.builds(
        "x|{}:{}-{}{}|{}|{}".format,
        st.sampled_from(["chr1", "", " "]),
        st.integers(-2, 30),
        st.integers(-2, 30),
        st.sampled_from("+-."),
        st.text("N|", max_size=2),
        st.text("G| ", max_size=3),
    )
)
@example("x|chr1:1-9+|None|G")
def test_any_header_is_read_or_refused(circbase, header):
    path = circbase(header)
    with contextlib.suppress(InputError):
        records = list(read(path))
        assert all(record.start < record.end and record.strand in "+-" for record in records)


@pytest.mark.mirror
def test_mirror(mirror):
    records = list(read(mirror / MIRRORED))
    assert len(records) == 7833
    assert sum(record.gene is None for record in records) == 666
    first = records[0]
    assert (first.id, first.chrom, first.start, first.end, first.strand, first.gene) == (
        "hsa_circ_0000002",
        "chr1",
        1158623,
        1159348,
        "-",
        "SDF4",
    )
    assert all(len(record.sequence) <= record.end - record.start for record in records)
