"""Sequences to classify, in each format."""

import contextlib
import gzip
import io
import os
import subprocess
import sys

import pytest
import zstandard
from Bio.SeqIO.QualityIO import FastqGeneralIterator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circlet.data.sources import lines, sequences
from circlet.data.sources.sequences import KINDS, LONGEST, Entry, read_sequences
from circlet.errors import InputError

property_test = settings(
    derandomize=True,
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
FASTQ = "@a x\nACGT\n+\n@+I!\n@b\nAC\nGN\n+b\n@I\nII\n"
FASTQ_ENTRIES = [Entry("a", "ACGT", 4), Entry("b", "ACGN", 4)]
BED = "chr1\t1\t7\tx\t0\t+\n"
GTF = 'chr1\tx\texon\t2\t7\t.\t+\t.\ttranscript_id "t";\n'
GENOME = ">chr1\nACGTTAAACC\nGGGTTGATTC\nAGGGCCCATG\n"


@pytest.fixture
def file(tmp_path):
    """Write a file from text or bytes and give its path."""
    path = tmp_path / "in.txt"

    def write(content):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def genome(tmp_path):
    """The path of a genome."""
    path = tmp_path / "genome.fa"
    path.write_text(GENOME)
    return path


def refusal(*arguments, **options):
    """The message of the error that reading must raise."""
    with pytest.raises(InputError) as caught:
        list(read_sequences(*arguments, **options))
    return str(caught.value)


def test_fasta_entries_in_their_order(file):
    path = file(">a one\nACgt\n\nNN u\n>b\n\n>a\n\t*-\n  \n>c x")
    assert list(read_sequences(path)) == [
        Entry("a", "ACgtNNu", 7),
        Entry("b", "", 0),
        Entry("a", "*-", 2),
        Entry("c", "", 0),
    ]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_line_breaks_blank_lines_comments_and_byte_order_mark(file, line_break):
    text = "\ufeff\n \n# made by\n  >a x\nAC\nGT\n\n\n>b\nGG".replace("\n", line_break)
    assert list(read_sequences(file(text))) == [Entry("a", "ACGT", 4), Entry("b", "GG", 2)]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_compressed_by_content(file, pack):
    path = file(pack(b">a\nAC\n") + pack(b">b\nGT\n"))
    assert list(read_sequences(path)) == [Entry("a", "AC", 2), Entry("b", "GT", 2)]


@pytest.mark.parametrize("content", [b">a\nAC\n", gzip.compress(b">a\nAC\n")])
def test_pipes_and_standard_input(content, monkeypatch):
    reader, writer = os.pipe()
    with open(writer, "wb") as handle:
        handle.write(content)
    assert list(read_sequences(f"/dev/fd/{reader}")) == [Entry("a", "AC", 2)]
    os.close(reader)
    stdin = io.TextIOWrapper(io.BytesIO(content))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert list(read_sequences("-")) == [Entry("a", "AC", 2)]
    assert not stdin.buffer.closed
    assert refusal("-") == "standard input: has no record; give a file with at least one"


def test_records_stream(file):
    entries = read_sequences(file(">a\nAC\n>b\nGT\n>\n"))
    assert next(entries) == Entry("a", "AC", 2)
    assert next(entries) == Entry("b", "GT", 2)


NEITHER = "is neither FASTA, FASTQ, BED nor GTF; give one of these, plain or compressed"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no record; give a file with at least one"),
        ("\n \n# none\n", "has no record; give a file with at least one"),
        ("\nACGT\n>a\nAC\n", f"line 2: {NEITHER}"),
        ("<!DOCTYPE html>\n>a\n", f"line 1: {NEITHER}"),
        ("a\tb\tc\n", f"line 1: {NEITHER}"),
        (">a\nAC\n>\nAC\n", "record 2: has no name; write one after '>'"),
        ("> \nAC\n", "record 1: has no name; write one after '>'"),
        (">a x\nAC\n >b\nAC\n", "a: has a '>' within its sequence; begin each header on its own"),
        (">a\nAC>b\nAC\n", "a: has a '>' within its sequence"),
        (b">a\nA\xffC\n", "the file is not plain text"),
        (b">a\nA\0C\n", "the file is not plain text"),
        (gzip.compress(b">a\nAC\n")[:-3], "the gzip stream is truncated or damaged"),
        (
            BED,
            "is BED, which has places and no sequences; give the FASTA file of its genome by --g",
        ),
        ("browser x\ntrack y\n" + BED, "is BED, which has places and no sequences"),
        (
            GTF,
            "is GTF, which has places and no sequences; give the FASTA file of its genome by --g",
        ),
        ("@a\nAC\n", "a: is cut off: the file ends within it; fetch it again"),
        ("@a\nAC\n+\nII\n@b\nACGT\n+\nIII", "b: is cut off: the file ends within it"),
        ("@a\nAC\n+\nII\n@b\nACGT\n", "b: is cut off: the file ends within it"),
        ("@a\nAC\n+\nII\n@b", "b: is cut off: the file ends within it"),
        ("@a\nAC\n+\nIII\n", "a: has 2 letters and more qualities; give whole FASTQ records"),
        ("@a\nAC\n+\nII\nII\n", "record 2: does not begin with '@': more qualities than letters"),
        ("@ \nAC\n+\nII\n", "record 1: has no name; write one after '@'"),
    ],
)
def test_broken_structure_is_refused(file, content, message):
    path = file(content)
    assert refusal(path).startswith(f"{path}: {message}")


def test_a_missing_file_is_refused(tmp_path):
    assert refusal(tmp_path / "none") == f"{tmp_path}/none: no such file; check the path"


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("fasta", FASTQ, "does not begin with '>', so it is not FASTA; give a FASTA file, plain"),
        ("fastq", ">a\nAC\n", "record 1: does not begin with '@'"),
        ("bed", ">a\nAC\n", "line 1: 1 tab-separated columns instead of 6 or at least 12"),
        ("gtf", BED, "line 1: 6 tab-separated columns instead of 9; give a GTF file"),
    ],
)
def test_a_named_kind_is_held_to(file, genome, kind, content, message):
    path = file(content)
    assert refusal(path, genome, kind).startswith(f"{path}: {message}")


@pytest.mark.parametrize("kind", ["auto", "fastq"])
def test_fastq(file, kind):
    assert list(read_sequences(file(FASTQ), kind=kind)) == FASTQ_ENTRIES
    blank = FASTQ.replace("@b", "\n \n@b") + "\n@c\n\n+\n\n@d\r\nA\r\n+\r\nI\r\n"
    more = [Entry("c", "", 0), Entry("d", "A", 1)]
    assert list(read_sequences(file(blank), kind=kind)) == FASTQ_ENTRIES + more


@pytest.fixture
def small(monkeypatch):
    """Bounds of a few letters."""
    monkeypatch.setattr(sequences, "LONGEST", 10)
    monkeypatch.setattr(lines, "PIECE", 4)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("width", [1, 3, 4, 7, 30])
def test_of_a_long_record_the_beginning_comes_with_its_length(file, width):
    letters = "ACGTTGCATTCCAAGG"
    rows = [letters[at : at + width] for at in range(0, 16, width)]
    sequence = " \n".join(rows)
    path = file(f">c1\n{sequence}\n>b\nACGTACGTAC\n>c\n  \n")
    after = [Entry("b", "ACGTACGTAC", 10), Entry("c", "", 0)]
    assert list(read_sequences(path)) == [Entry("c1", letters[:10], 16), *after]
    quality = "\n".join("@" * len(row) for row in rows)
    path = file(f"@x\n{sequence}\n+x many words\n{quality}\n@b\nA\n+\n@\n")
    assert list(read_sequences(path)) == [Entry("x", letters[:10], 16), Entry("b", "A", 1)]


@pytest.mark.usefixtures("small")
def test_pieces_of_a_line_are_no_lines(file, genome):
    path = file(">ab\nACGT>x\n")
    assert refusal(path) == (
        f"{path}: ab: has a '>' within its sequence; begin each header on its own line"
    )
    assert list(read_sequences(file("#234>no\n@a\nACGT+GT\n+\nIIIIIII\n"))) == [
        Entry("a", "ACGT+GT", 7)
    ]
    path = file("chr1\t1\t7")
    assert refusal(path, genome, "bed") == (
        f"{path}: line 1: is longer than 4 characters; give a file with line breaks"
    )


PROGRAM = """
import resource, sys
from circlet.data.sources.sequences import read_sequences
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print([(entry.id, len(entry.sequence), entry.length) for entry in read_sequences("-")])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize("line_break", ["", "\n"])
@pytest.mark.parametrize("head", [">a\n", "@a\n"])
def test_memory_is_bounded_whatever_the_length(line_break, head):
    size, block = 200, ("ACGT" * 15 + line_break) * 17_000  # some 200 MB in all
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdin.write(head)
        for _ in range(size):
            process.stdin.write(block)
        if head == "@a\n":
            process.stdin.write("\n+\n")
            for _ in range(size):
                process.stdin.write(block)
        process.stdin.write("\n")
        process.stdin.close()
        entries, grown = process.stdout.read().splitlines()
    assert entries == str([("a", LONGEST, size * 60 * 17_000)])
    assert float(grown) < 80  # MiB


def test_memory_is_bounded_for_many_entries():
    counted = PROGRAM.replace(
        '[(entry.id, len(entry.sequence), entry.length) for entry in read_sequences("-")]',
        'sum(entry.length for entry in read_sequences("-"))',
    )
    block = "".join(f">r{number}\n{'ACGT' * 50}\n" for number in range(1000))
    with subprocess.Popen(
        [sys.executable, "-c", counted], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        for _ in range(500):
            process.stdin.write(block)
        process.stdin.close()
        total, grown = process.stdout.read().split()
    assert int(total) == 500 * 1000 * 200
    assert float(grown) < 20  # MiB


IDS = st.text("abcXYZ019_.|:>=é@+#", min_size=1, max_size=12)
LETTERS = st.text("ACGTNacgtu*-", max_size=90)


@property_test
@given(
    records=st.lists(st.tuples(IDS, LETTERS), min_size=1, max_size=6),
    width=st.integers(1, 100),
    line_break=st.sampled_from(["\n", "\r\n", "\r", " \n", "\n\n"]),
    pack=st.sampled_from([bytes, gzip.compress, zstandard.ZstdCompressor().compress]),
    is_fastq=st.booleans(),
)
def test_what_is_written_comes_back(tmp_path, records, width, line_break, pack, is_fastq):
    rows = []
    for name, sequence in records:
        wrapped = [sequence[at : at + width] for at in range(0, len(sequence), width)]
        rows += [f"@{name} x", *wrapped, "+", *("I" * len(row) for row in wrapped)]
        if not is_fastq:
            rows[-2 * len(wrapped) - 2 :] = [f">{name} x", *wrapped]
    path = tmp_path / "in"
    path.write_bytes(pack(line_break.join(rows).encode()))
    expected = [Entry(name, sequence, len(sequence)) for name, sequence in records]
    assert list(read_sequences(path)) == expected


@property_test
@given(st.text("@+\nAI", max_size=40))
def test_what_biopython_reads_as_fastq_is_read_alike(tmp_path, text):
    try:
        known = [
            (title, sequence) for title, sequence, _ in FastqGeneralIterator(io.StringIO(text))
        ]
    except ValueError:
        return
    if not known or not all(title.strip() for title, _ in known):
        return
    path = tmp_path / "in.fq"
    path.write_text(text)
    with contextlib.suppress(InputError):
        found = list(read_sequences(path, kind="fastq"))
        assert [(entry.id, entry.sequence) for entry in found] == known


@property_test
@given(
    st.binary(max_size=100)
    | st.binary(max_size=60).map(lambda tail: b">a\n" + tail)
    | st.binary(max_size=60).map(lambda tail: b"\x28\xb5\x2f\xfd" + tail)
    | st.text(">@+\n\r a|=ACGT\ufeff\t1#", max_size=60).map(str.encode),
    st.sampled_from(KINDS),
)
def test_any_bytes_are_read_or_refused(tmp_path, genome, content, kind):
    path = tmp_path / "any"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        for entry in read_sequences(path, genome, kind):
            assert entry.id
            assert entry.length >= len(entry.sequence)


def test_bed_in_its_order(file, genome):
    rows = [
        BED,
        "chr1\t5\t21\t.\t0\t-\t5\t21\t0\t2\t5,6,\t0,10,\n",
        BED.replace("x", ""),
        BED.replace("x", "two words"),
        BED,
    ]
    assert list(read_sequences(file("track x\n#\n" + "\n".join(rows)), genome)) == [
        Entry("x", "CGTTAA", 6),
        Entry("chr1:5-21(-)", "TGAATCGGTTT", 11),
        Entry("chr1:1-7(+)", "CGTTAA", 6),
        Entry("two words", "CGTTAA", 6),
        Entry("x", "CGTTAA", 6),
    ]


def test_intronic_calls_of_circexplorer_stay(file, genome):
    call = "chr1\t1\t7\tcircular_RNA/3\t0\t-\t1\t1\t0,0,0\t1\t6\t0\t3\tciRNA\tG\tNM\t2\tNone\n"
    (entry,) = read_sequences(file(call), genome)
    assert entry == Entry("circular_RNA/3", "TTAACG", 6)


@pytest.mark.parametrize("row", [BED.replace("+", "."), GTF.replace("\t+", "\t.")])
def test_an_unknown_strand_is_refused_or_read_as_plus(file, genome, row):
    path = file("\n" + row)
    assert refusal(path, genome) == (
        f"{path}: line 2: its strand is unknown ('.'); write + or -, or give --strand both to have"
        " both read"
    )
    (entry,) = read_sequences(path, genome, any_strand=True)
    assert entry.sequence == "CGTTAA"


def test_an_id_of_a_place_keeps_its_unknown_strand(file, genome):
    (entry,) = read_sequences(file("chr1\t1\t7\t.\t0\t.\n"), genome, any_strand=True)
    assert entry.id == "chr1:1-7(.)"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("chr1\t1\t7\n", "line 1: 3 tab-separated columns instead of 6 or at least 12; give BED6"),
        (BED + BED.replace("7", "1"), "line 2: start 1 and end 1 do not bound a place; mend the"),
        ("#\n" + BED.replace("+", "*"), "line 2: strand '*' is neither + nor -; mend the line"),
        (BED.replace("7", "31"), "x: its end 31 lies outside chr1, which has 30 nt in {genome}"),
        (BED.replace("chr1", "1"), "x: its contig is not in {genome}: the places name contigs"),
        (GTF.replace("7", "31"), "t: its end 31 lies outside chr1, which has 30 nt in {genome}"),
        (GTF.replace("chr1", "chr2"), "t: {genome} has no contig 'chr2'; give the genome of the"),
        (GTF.replace("exon", "gene"), "has no transcript or exon line; give a GTF file with one"),
        (GTF.replace("_id", ""), "line 1: lacks the attribute transcript_id; give a GTF file"),
        (GTF + GTF, "t: its exons overlap; mend its lines"),
        (GTF + GTF.replace("+", "-"), "line 2: the transcript t is on another contig or strand"),
        (GTF.replace("exon", "transcript") * 2, "line 2: the transcript t occurs again; give a G"),
    ],
)
def test_malformed_places_are_refused(file, genome, content, message):
    path = file(content)
    assert refusal(path, genome).startswith(f"{path}: {message.format(genome=genome)}")


def test_places_too_long_for_exons_are_told(file, tmp_path, caplog):
    genome = tmp_path / "long.fa"
    genome.write_text(f">chr1\n{'ACGT' * 5_000}\n")
    long = "chr1\t0\t10001\ta\t0\t+\n"
    path = file(long + BED)
    list(read_sequences(path, genome))
    (told,) = caplog.messages
    assert told.startswith(f"{path}: 1 of 2 places are single exons of more than 10000 nt")
    caplog.clear()
    list(read_sequences(file(long + "chr1\t5\t21\t.\t0\t-\t5\t21\t0\t2\t5,6\t0,10\n"), genome))
    assert caplog.messages == []


def feature(kind, start, end, name, strand="+"):
    return (
        f'chr1\tx\t{kind}\t{start}\t{end}\t.\t{strand}\t.\tgene_id "g"; transcript_id "{name}";\n'
    )


def test_gtf_in_its_order(file, genome):
    rows = [
        "#!genome-build\n",
        feature("gene", 1, 30, ""),
        feature("exon", 16, 21, "late", "-"),
        feature("transcript", 6, 21, "t"),
        feature("exon", 16, 21, "t"),
        feature("CDS", 16, 21, "t"),
        feature("exon", 6, 10, "t"),
        feature("exon", 6, 10, "late", "-"),
        feature("transcript", 2, 7, "bare"),
    ]
    assert list(read_sequences(file("".join(rows)), genome)) == [
        Entry("late", "TGAATCGGTTT", 11),
        Entry("t", "AAACCGATTCA", 11),
        Entry("bare", "CGTTAA", 6),
    ]


@pytest.mark.parametrize("strand", "+-")
@pytest.mark.parametrize("most", [1, 5, 6, 7, 11, 12])
def test_a_long_place_is_cut_at_its_3_prime_end(file, genome, monkeypatch, strand, most):
    monkeypatch.setattr(sequences, "LONGEST", most)
    row = f"chr1\t5\t21\ta\t0\t{strand}\t5\t21\t0\t2\t5,6\t0,10\n"
    whole = {"+": "AAACCGATTCA", "-": "TGAATCGGTTT"}[strand]
    assert list(read_sequences(file(row), genome)) == [Entry("a", whole[:most], 11)]
