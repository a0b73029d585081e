"""FASTA files, and the user's own transcripts in them."""

import contextlib
import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circlet.data.records import Record
from circlet.data.sources.fasta import identify, read_fasta, read_identified, read_transcripts
from circlet.errors import InputError

property_test = settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
IDS = st.text("abcXYZ019_.|:>=é", min_size=1, max_size=12)
SEQUENCES = st.text("ACGTNacgtu*-", min_size=1, max_size=90)


@pytest.fixture
def fasta(tmp_path):
    """Write a FASTA file from text or bytes and give its path."""
    path = tmp_path / "in.fa"

    def write(content):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refusal(iterator):
    """Exhaust `iterator` and give the message of the error that must come."""
    with pytest.raises(InputError) as caught:
        list(iterator)
    return str(caught.value)


def test_titles_and_sequences_as_written(fasta):
    path = fasta(">a first one\nACgt\nNN u\n\n>b\n\tAC GT \n")
    assert list(read_fasta(path)) == [("a first one", "ACgtNNu"), ("b", "ACGT")]


def test_line_breaks_blank_lines_and_byte_order_mark(fasta):
    path = fasta("\ufeff\r\n\r\n>a x\r\nAC\r\nGT\r\n>b\rGG\rCC")
    assert list(read_fasta(path)) == [("a x", "ACGT"), ("b", "GGCC")]


def test_gzip_is_told_by_content(fasta):
    path = fasta(gzip.compress(b">a\nACGT\n") + gzip.compress(b">b\nGG\n"))
    assert list(read_fasta(path)) == [("a", "ACGT"), ("b", "GG")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "in.fa: has no FASTA record"),
        ("\n \n", "in.fa: has no FASTA record"),
        ("\nACGT\n>a\nAC\n", "in.fa: line 2: does not begin with '>'"),
        ("<!DOCTYPE html>\n>a\nAC\n", "in.fa: line 1: does not begin with '>'"),
        (">a\nAC\n>\nAC\n", "in.fa: record 2: has no name"),
        (">a\nAC\n> \nAC\n", "in.fa: record 2: has no name"),
        (">a x\n>b\nAC\n", "in.fa: a: has no sequence"),
        (">a\nAC\n>b y\n \n", "in.fa: b: has no sequence"),
        (">a\nAC\n >b\nAC\n", "in.fa: a: has a '>' within its sequence"),
        (b">a\nA\xffC\n", "in.fa: the file is not plain text"),
        (gzip.compress(b">a\nACGT\n")[:-9], "in.fa: the gzip stream is truncated or damaged"),
    ],
)
def test_broken_structure_is_refused(fasta, content, message):
    assert message in refusal(read_fasta(fasta(content)))


def test_missing_file_is_refused(tmp_path):
    assert "none.fa: no such file" in refusal(read_fasta(tmp_path / "none.fa"))


def test_records_stream(fasta):
    records = read_fasta(fasta(">a\nAC\n>b\nGT\n>\n"))
    assert next(records) == ("a", "AC")
    assert next(records) == ("b", "GT")


def test_ids_are_first_words(fasta):
    path = fasta(">  a|1 x\nAC\n>a|2\nGT\n")
    assert list(read_identified(path)) == [("a|1", "a|1 x", "AC"), ("a|2", "a|2", "GT")]


def test_a_delimiter_ends_the_id_too(fasta):
    path = fasta(">a|1 x\nAC\n>b y|z\nGT\n")
    assert [name for name, _, _ in read_identified(path, "|")] == ["a", "b"]


def test_duplicate_and_empty_ids_are_refused(fasta):
    path = fasta(">a x\nAC\n>b\nAC\n>a y\nGT\n")
    assert "in.fa: a: two records bear this id" in refusal(read_identified(path))
    assert "in.fa: |x: has no id" in refusal(identify([("|x", "AC")], "in.fa", "|"))


def test_transcripts_take_their_fields_from_key_value_words(fasta):
    path = fasta(
        ">t1 gene=DYRK1A gene_id=ENSG1 chrom=chr21 start=10 end=40 strand=- biotype=lincRNA "
        "exon_count=2 exon_lengths=5,6, exon_offsets=0,24 note=x free words\nACGTACGTACG\n"
        ">t2 gene=n/a chrom=\nACGT\n"
    )
    assert list(read_transcripts(path)) == [
        Record(
            id="t1",
            sequence="ACGTACGTACG",
            chrom="chr21",
            start=10,
            end=40,
            strand="-",
            gene="DYRK1A",
            gene_id="ENSG1",
            biotype="lincRNA",
            exon_count=2,
            exon_lengths="5,6",
            exon_offsets="0,24",
        ),
        Record(id="t2", sequence="ACGT"),
    ]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("start=ten", "start 'ten' is not a whole number"),
        ("end=1.5", "end '1.5' is not a whole number"),
        ("start=7 end=7", "start 7 and end 7 do not bound a place"),
        ("strand=plus", "strand 'plus' is neither + nor -"),
        ("exon_count=-1", "exon_count '-1' is not a whole number"),
        ("exon_lengths=5,x", "exon_lengths 'x' is not a whole number"),
    ],
)
def test_impossible_values_are_refused(fasta, words, problem):
    path = fasta(f">ok\nAC\n>bad {words}\nAC\n")
    assert f"in.fa: bad: {problem}" in refusal(read_transcripts(path))


@property_test
@given(
    records=st.dictionaries(IDS, st.tuples(SEQUENCES, st.sampled_from(["", " x", "  k=v w"]))),
    width=st.integers(1, 100),
    line_break=st.sampled_from(["\n", "\r\n", "\r"]),
    compressed=st.booleans(),
)
def test_what_is_written_comes_back(tmp_path, records, width, line_break, compressed):
    lines = []
    for name, (sequence, rest) in records.items():
        lines.append(f">{name}{rest}")
        lines += [sequence[at : at + width] for at in range(0, len(sequence), width)]
    content = line_break.join(lines).encode()
    path = tmp_path / "round.fa"
    path.write_bytes(gzip.compress(content) if compressed else content)
    expected = [(name, name + rest, sequence) for name, (sequence, rest) in records.items()]
    if expected:
        assert list(read_identified(path)) == expected
    else:
        assert "has no FASTA record" in refusal(read_identified(path))


@property_test
@given(
    st.binary(max_size=200)
    | st.binary(max_size=60).map(lambda tail: b">a start=" + tail)
    | st.binary(max_size=60).map(lambda tail: b"\x1f\x8b\x08" + tail)
    | st.text(">\n\r a|=ACGT\ufeff", max_size=60).map(str.encode)
)
def test_any_bytes_are_read_or_refused(tmp_path, content):
    path = tmp_path / "any.fa"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        records = list(read_transcripts(path))
        assert records
        assert all(record.id and record.sequence for record in records)
