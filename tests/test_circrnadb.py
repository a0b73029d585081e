"""circRNADb's zip archive."""

import contextlib
import logging
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circlet.data.records import Record
from circlet.data.sources.circrnadb import read
from circlet.errors import InputError

MIRRORED = "reprod.njmu.edu.cn/circrnadb/doc/circRNA_dataset.zip"
TABLE, SEQUENCES = "circRNA_dataset/circRNA_dataset.txt", "circRNA_dataset/circRNA_fasta"
HEADER = "\t".join(["circ_id", "chrom", "start", *(f"column{at}" for at in range(4, 16))])

property_test = settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def row(name="hsa_circ_00001", **changes):
    """One row of the table: an 8 nt circRNA of two exons at chr1:100-200."""
    columns = {
        "id": name,
        "chrom": "chr1",
        "start": "100",
        "end": "200",
        "strand": "+",
        "gene": "GENE1",
        "genomic_length": "100",
        "transcript": "NM_1",
        "spliced_length": "8",
        "exon_count": "2",
        "exon_lengths": "5,3",
        "exon_offsets": "0,97",
        "annotation": "n/a",
        "samples": "n/a",
        "pmids": "n/a",
    }
    return "\t".join((columns | changes).values())


@pytest.fixture
def archive(tmp_path):
    """Write an archive of the given members (name: text or bytes) and give its path."""
    path = tmp_path / "circ.zip"

    def write(table, sequences=">hsa_circ_00001\nACGTACGT\n", **members):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
            for name, content in {TABLE: table, SEQUENCES: sequences, **members}.items():
                if content is not None:
                    opened.writestr(name, content)
        return path

    return write


def refusal(path):
    """The message of the error that reading `path` must raise."""
    with pytest.raises(InputError) as caught:
        list(read(path))
    return str(caught.value)


def expected(name="hsa_circ_00001", **changes):
    """The record of `row(name)`."""
    fields = {
        "chrom": "chr1",
        "start": 100,
        "end": 200,
        "strand": "+",
        "gene": "GENE1",
        "exon_count": 2,
        "exon_lengths": "5,3",
        "exon_offsets": "0,97",
    }
    return Record(name, "ACGTACGT", **(fields | changes))


def test_records_in_the_order_of_their_sequences(archive):
    path = archive(
        row("c1") + "\n" + row("c2", strand="-", chrom="chrX") + "\n",
        ">c2\nACGT\nACGT\n>c1\nACGTACGT\n",
    )
    assert list(read(path)) == [expected("c2", strand="-", chrom="chrX"), expected("c1")]


def test_missing_values_become_none(archive, caplog):
    unknown = dict.fromkeys(
        ["gene", "transcript", "spliced_length", "exon_count", "exon_lengths", "exon_offsets"],
        "n/a",
    )
    path = archive(row(**unknown))
    assert list(read(path)) == [Record("hsa_circ_00001", "ACGTACGT", "chr1", 100, 200, "+")]
    assert not caplog.records


@pytest.mark.parametrize(
    "table",
    [
        HEADER + "\n" + row(),
        HEADER + "\r\n" + row() + "\r\n\r\n",
        row(samples="caf\xe9 \u2013").encode("latin-1", errors="replace"),
    ],
)
def test_header_line_breaks_and_odd_bytes_are_tolerated(archive, table):
    assert list(read(archive(table))) == [expected()]


@pytest.mark.parametrize("title", ["hsa_circ_00001|chr1:100-200|+", "hsa_circ_00001 chr1 100"])
def test_the_id_ends_at_a_pipe_or_blank(archive, title):
    assert list(read(archive(row(), f">{title}\nACGTACGT\n"))) == [expected()]


def test_members_are_found_at_any_depth(archive):
    members = {"x/y/circRNA_fasta": ">hsa_circ_00001\nACGTACGT\n", "circRNA_dataset.txt": row()}
    path = archive(None, None, **members, **{"circRNA_IRES": "x", "a/circRNA_fasta/": ""})
    assert list(read(path)) == [expected()]


def test_what_does_not_join_is_counted(archive, caplog):
    path = archive("\n".join([row("c1"), row("c2"), row("c3")]), ">c1\nACGTACGT\n>other\nGGGG\n")
    with caplog.at_level(logging.WARNING):
        assert list(read(path)) == [expected("c1"), Record("other", "GGGG")]
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: rows without sequence, left out: 2",
        f"{path}: sequences without row, so without place: 1",
    ]


def test_contradictions_are_counted(archive, caplog):
    path = archive(row(spliced_length="9", exon_count="3"))
    with caplog.at_level(logging.WARNING):
        (record,) = read(path)
    assert record == expected(exon_count=None, exon_lengths=None, exon_offsets=None)
    assert [record.getMessage().removeprefix(f"{path}: ") for record in caplog.records] == [
        "rows whose exon columns contradict each other, not used: 1",
        "sequences that differ in length from spliced_length: 1",
    ]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (row() + "\textra", f"{TABLE}: line 1: 16 tab-separated columns instead of 15"),
        (row() + "\nx\ty", f"{TABLE}: line 2: 2 tab-separated columns instead of 15"),
        (row() + "\n" + HEADER, f"{TABLE}: line 2: start 'start' is not a whole number"),
        (row(start="x"), f"{TABLE}: line 1: start 'x' is not a whole number"),
        (row(end="100"), f"{TABLE}: line 1: start 100 and end 100 do not bound a place"),
        (row(strand="*"), f"{TABLE}: line 1: strand '*' is neither + nor -"),
        (row(chrom=""), f"{TABLE}: line 1: the chromosome is empty"),
        (row(spliced_length="8.0"), f"{TABLE}: line 1: spliced_length '8.0' is not a whole"),
        (row() + "\n\n" + row(), f"{TABLE}: line 3: the id hsa_circ_00001 occurs again"),
        (HEADER, f"{TABLE}: has no row"),
        (row("another"), "circ.zip: no sequence has a row in the table"),
        (None, "circ.zip: has 0 members named circRNA_dataset.txt instead of one"),
    ],
)
def test_malformed_tables_are_refused(archive, table, message):
    assert message in refusal(archive(table))


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        (">hsa_circ_00001\nAC\n>hsa_circ_00001|x\nAC\n", "hsa_circ_00001: two records bear"),
        (">hsa_circ_00001\n", f"{SEQUENCES}: hsa_circ_00001: has no sequence"),
        ("", f"{SEQUENCES}: has no FASTA record"),
        (None, "has 0 members named circRNA_fasta instead of one"),
    ],
)
def test_malformed_sequences_are_refused(archive, sequences, message):
    assert message in refusal(archive(row(), sequences))


def test_two_members_of_one_name_are_refused(archive):
    path = archive(row(), **{"old/circRNA_fasta": ">x\nAC\n"})
    assert "circ.zip: has 2 members named circRNA_fasta instead of one" in refusal(path)


def test_damaged_archives_are_refused(archive, tmp_path):
    path = archive(row(), ">hsa_circ_00001\n" + "ACGT" * 200)
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert "circ.zip: not a whole zip archive" in refusal(path)
    at = whole.index(b"circRNA_fasta") + len("circRNA_fasta") + 3
    path.write_bytes(whole[:at] + b"\x00\x00\x00" + whole[at + 3 :])
    assert "circ.zip: not a whole zip archive" in refusal(path)
    path.write_text("<html>503</html>")
    assert "not a whole zip archive (File is not a zip file)" in refusal(path)
    assert "none.zip: no such file" in refusal(tmp_path / "none.zip")


@property_test
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**9),
            st.lists(st.tuples(st.integers(0, 999), st.integers(1, 50)), min_size=1, max_size=6),
            st.sampled_from("+-"),
            st.none() | st.text("ABC1-.", min_size=1, max_size=8),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_places_come_back(archive, circrnas):
    records, rows = [], []
    for number, (start, exons, strand, gene) in enumerate(circrnas):
        offsets, lengths, at = [], [], 0
        for gap, length in exons:
            at += gap if offsets else 0
            offsets.append(at)
            lengths.append(length)
            at += length
        record = Record(
            f"hsa_circ_{number:05d}",
            "A" * sum(lengths),
            "chr2",
            start,
            start + at,
            strand,
            gene,
            exon_count=len(exons),
            exon_lengths=",".join(map(str, lengths)),
            exon_offsets=",".join(map(str, offsets)),
        )
        records.append(record)
        rows.append(
            row(
                record.id,
                chrom="chr2",
                start=str(record.start),
                end=str(record.end),
                strand=strand,
                gene=gene or "n/a",
                spliced_length=str(len(record.sequence)),
                exon_count=str(record.exon_count),
                exon_lengths=record.exon_lengths,
                exon_offsets=record.exon_offsets,
            )
        )
    path = archive(
        "\n".join(rows), "".join(f">{record.id}\n{record.sequence}\n" for record in records)
    )
    assert list(read(path)) == records


@property_test
@given(
    st.binary(max_size=120)
    | st.text("\t\n", max_size=40).map(str.encode)
    | st.lists(st.text(max_size=4), min_size=15, max_size=15).map("\t".join).map(str.encode)
)
def test_any_table_is_read_or_refused(archive, table):
    with contextlib.suppress(InputError):
        assert [record.sequence for record in read(archive(table))] == ["ACGTACGT"]


@property_test
@given(st.integers(0), st.integers(0, 255), st.booleans())
def test_any_damage_is_read_over_or_refused(archive, at, byte, cut):
    path = archive(row())
    content = bytearray(path.read_bytes())
    at %= len(content)
    content[at : None if cut else at + 1] = bytes([byte])
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        assert list(read(path)) == [expected()]


@pytest.mark.mirror
def test_mirror(mirror, caplog):
    records = list(read(mirror / MIRRORED))
    assert not caplog.records
    assert len(records) == 4099
    assert sum(record.gene is None for record in records) == 160
    assert records[1].id == "hsa_circ_00006"
    assert (records[1].gene, records[1].exon_offsets) == ("DOCK1", "0,3563,9978,14468")
    assert all(record.strand in "+-" and record.start < record.end for record in records)
    with_exons = [record for record in records if record.exon_lengths is not None]
    assert len(with_exons) == 3939
    for record in with_exons:
        assert sum(map(int, record.exon_lengths.split(","))) == len(record.sequence)
