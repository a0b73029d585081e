"""Places spliced one at a time out of an indexed genome."""

import bz2
import gzip
import logging
import os
import random
import subprocess
import sys

import pytest
import zstandard
from Bio import bgzf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circlet.data.genome import splice
from circlet.data.genome_index import open_genome
from circlet.data.records import Record
from circlet.errors import InputError

CHROMOSOME = "ACGTTAAACCGGGTTGATTCAGGGCCCATG"
TEXT = f">chr1 first\n{CHROMOSOME[:10]}\n{CHROMOSOME[10:20]}\n{CHROMOSOME[20:]}\n>2\nacgtn\n"
INDEX = "chr1\t30\t12\t10\t11\n2\t5\t48\t5\t6\n"
EXONS = [(5, 10), (15, 21)]


@pytest.fixture
def genome(tmp_path):
    """Write a genome from text or bytes and give its path."""
    path = tmp_path / "genome.fa"

    def write(content=TEXT):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def read(path, chrom="chr1", strand="+", exons=EXONS, most=1000):
    with open_genome(path, "in.bed") as contigs:
        return contigs.splice(chrom, strand, exons, "x", most)


def refusal(path, **place):
    """The message of the error that reading must raise."""
    with pytest.raises(InputError) as caught:
        read(path, **place)
    return str(caught.value)


def test_exons_are_joined_on_both_strands(genome):
    path = genome()
    assert read(path) == "AAACCGATTCA"
    assert read(path, strand="-") == "TGAATCGGTTT"
    assert read(path, "2", "+", [(1, 5)]) == "cgtn"  # lower case marks repeats
    assert read(path, "2", "-", [(0, 5)]) == "nacgt"
    with open_genome(path, "in.bed") as contigs:
        for start in range(30):
            for end in range(start + 1, 31):
                found = contigs.splice("chr1", "+", [(start, end)], "x", 1000)
                assert found == CHROMOSOME[start:end]


@pytest.mark.parametrize(
    ("strand", "most", "sequence"),
    [("+", 3, "AAA"), ("+", 5, "AAACC"), ("+", 6, "AAACCG"), ("-", 3, "TGA"), ("-", 8, "TGAATCGG")],
)
def test_no_more_is_read_than_asked_for(genome, strand, most, sequence):
    assert read(genome(), strand=strand, most=most) == sequence


def test_an_index_is_left_beside_the_genome_and_used(genome, caplog):
    path = genome()
    beside = path.with_name("genome.fa.fai")
    with caplog.at_level(logging.INFO):
        assert read(path) == "AAACCGATTCA"
        assert beside.read_text() == INDEX
        assert caplog.messages == [f"{path}: being indexed"]
        before = beside.stat()
        assert read(path) == "AAACCGATTCA"
    assert beside.stat().st_ino == before.st_ino
    assert len(caplog.messages) == 1
    assert sorted(path.parent.iterdir()) == [path, beside]


def test_an_older_index_is_made_anew(genome):
    path = genome()
    beside = path.with_name("genome.fa.fai")
    beside.write_text(INDEX.replace("12", "13"))
    os.utime(beside, (1, 1))
    assert read(path) == "AAACCGATTCA"
    assert beside.read_text() == INDEX


@pytest.mark.parametrize(
    "content",
    [
        "",
        "x",
        "\0",
        "chr1\t30\t12\t10\n",
        INDEX.partition("\n")[0],
        INDEX + INDEX,
        INDEX.replace("30", "27"),
        INDEX.replace("30", "3000"),
        INDEX.replace("12", "-2"),
        INDEX.replace("10\t11", "30\t31"),
    ],
)
def test_an_index_that_does_not_fit_is_made_anew(genome, content):
    path = genome()
    beside = path.with_name("genome.fa.fai")
    beside.write_text(content)
    assert read(path) == "AAACCGATTCA"
    assert beside.read_text() == INDEX


def test_where_no_index_can_be_left_none_is_needed(genome):
    path = genome()
    path.with_name("genome.fa.fai").mkdir()
    assert read(path) == "AAACCGATTCA"
    assert sorted(file.name for file in path.parent.iterdir()) == ["genome.fa", "genome.fa.fai"]


def bgzip(content, folder):
    path = folder / "block.gz"
    with bgzf.BgzfWriter(path) as handle:
        handle.write(content)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["genome.fa", "genome.fa.gz"])
@pytest.mark.parametrize("kind", ["plain", "gzip", "bgzip", "zstd", "bz2"])
def test_compressed_genomes_are_unpacked_elsewhere(tmp_path, monkeypatch, name, kind):
    packed = {
        "plain": TEXT.encode(),
        "gzip": gzip.compress(TEXT.encode()),
        "bgzip": bgzip(TEXT.encode(), tmp_path),
        "zstd": zstandard.ZstdCompressor().compress(TEXT.encode()),
        "bz2": bz2.compress(TEXT.encode()),
    }
    for folder in ("data", "temporary"):
        (tmp_path / folder).mkdir()
    path = tmp_path / "data" / name
    path.write_bytes(packed[kind])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert read(path) == "AAACCGATTCA"
    assert list((tmp_path / "temporary").iterdir()) == []
    left = [path, path.with_name(f"{name}.fai")] if kind == "plain" else [path]
    assert sorted((tmp_path / "data").iterdir()) == left


@pytest.mark.parametrize("content", [TEXT.encode(), gzip.compress(TEXT.encode())])
def test_a_genome_may_come_through_a_pipe(content):
    reader, writer = os.pipe()
    with open(writer, "wb") as handle:
        handle.write(content)
    assert read(f"/dev/fd/{reader}") == "AAACCGATTCA"
    os.close(reader)


@pytest.mark.parametrize("line_break", ["\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_breaks_of_any_system(genome, line_break, mark):
    path = genome(mark + TEXT.replace("\n", line_break))
    assert read(path) == "AAACCGATTCA"
    assert read(path, "2", exons=[(1, 5)]) == "cgtn"


@pytest.mark.parametrize(
    "content",
    [
        TEXT[:-1],
        TEXT + "\n",
        TEXT.replace(">2", "\n>2"),
        TEXT + ">3\n",
        ">3\n" + TEXT,
        f">chr1\n{CHROMOSOME}\n>2\nacgtn",
        f">2\nacgtn\n>chr1\n{CHROMOSOME}",
    ],
)
def test_forms_that_an_index_allows_for(genome, content):
    path = genome(content)
    assert read(path) == "AAACCGATTCA"
    assert read(path) == "AAACCGATTCA"  # by the index left beside it
    assert read(path, "2", exons=[(0, 5)]) == "acgtn"


UNEVEN = "the lines of a contig, but for the last, are not equally long; fetch it again or write"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (">chr1\nACGT\nAC\nACGT\n", f"chr1: {UNEVEN}"),
        (">a\nACGT\nAC\nACGT\n>chr1\nAC\n", f"a: {UNEVEN}"),
        (">chr1\nACGT\n\nACGT\n", f"chr1: {UNEVEN}"),
        (">chr1\nACGT\nACGTACGT\n", UNEVEN),  # a last line that is longer
        (">chr1\nACGT\nACGTA\n>b\nA\n", UNEVEN),
        (">chr1\nACGT\nACGT\nACGTACG", UNEVEN),
        (">chr1\nACGT\nACGT\nACGTACG\n", UNEVEN),
        (">chr1\nAC\u00e9T\nACGT\n", UNEVEN),
        (">chr1\nACGT\n>chr1\nAC\n", "chr1: two contigs bear this name; give each its own"),
        (">chr1\nACGT\n>\nAC\n", "is no FASTA file; give the genome's"),
        ("ACGT\n", "is no FASTA file; give the genome's"),
        ("", "is no FASTA file; give the genome's"),
        (b">chr1\nA\xffGT\n", "the file is not plain text"),
        (gzip.compress(TEXT.encode())[:-4], "the gzip stream is truncated or damaged; fetch or"),
    ],
)
def test_damaged_genomes_are_refused(genome, content, message):
    path = genome(content)
    assert refusal(path).startswith(f"{path}: {message}")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"exons": [(5, 31)]}, "x: its end 31 lies outside chr1, which has 30 nt in {genome}"),
        (
            {"chrom": "1"},
            "x: its contig is not in {genome}: the places name contigs like '1', the ",
        ),
        (
            {"chrom": "chr2"},
            "x: its contig is not in {genome}: the places name contigs like 'chr2'",
        ),
        ({"chrom": "chr3"}, "x: {genome} has no contig 'chr3'; give the genome of the same assem"),
    ],
)
def test_places_that_the_genome_lacks_are_refused(genome, place, message):
    path = genome()
    assert refusal(path, **place).startswith(f"in.bed: {message.format(genome=path)}")


def test_a_missing_genome_is_refused(tmp_path):
    assert refusal(tmp_path / "none.fa") == f"{tmp_path}/none.fa: no such file; check the path"
    assert refusal(tmp_path).startswith(f"{tmp_path}: cannot be read (Is a directory)")
    assert "cannot be read (File name too long)" in refusal(tmp_path / ("a" * 300))


def test_what_is_no_base_is_refused(genome):
    path = genome(">chr1\nACGT\nAC>T\n")
    assert refusal(path, exons=[(0, 8)]) == (
        f"{path}: chr1: has something else than bases; mend the sequence"
    )


@settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_it_reads_as_the_whole_genome_would_be_read(tmp_path, data):
    chance = random.Random(data.draw(st.integers(0, 99)))
    width = data.draw(st.integers(1, 12))
    path, text, records = tmp_path / "any.fa", "", []
    for number in range(3):
        contig = "".join(chance.choices("ACGTacgtN", k=chance.randint(8, 60)))
        text += f">c{number}\n" + "".join(
            contig[at : at + width] + "\n" for at in range(0, len(contig), width)
        )
        for strand in "+-":
            ends = sorted(chance.sample(range(len(contig) + 1), 6))
            exons = list(zip(ends[::2], ends[1::2], strict=True))
            lengths = ",".join(str(end - start) for start, end in exons)
            offsets = ",".join(str(start - ends[0]) for start, _ in exons)
            place = (f"c{number}", ends[0], ends[-1], strand)
            record = Record("x", "", *place, exon_lengths=lengths, exon_offsets=offsets)
            records.append((record, exons))
    path.write_text(text)
    expected = splice([record for record, _ in records], path, "in.bed")
    with open_genome(path, "in.bed") as contigs:
        for (record, exons), known in zip(records, expected, strict=True):
            found = contigs.splice(record.chrom, record.strand, exons, "x", 1000)
            assert found == known.sequence


PROGRAM = """
import resource, sys
from circlet.data.sources.sequences import read_sequences
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(sum(entry.length for entry in read_sequences("-", sys.argv[1])))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_memory_is_bounded_for_a_bed_file_of_any_length(tmp_path):
    path = tmp_path / "genome.fa"
    with path.open("w") as handle:
        handle.write(">chr1\n")
        for _ in range(100_000):
            handle.write("ACGT" * 100 + "\n")
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for number in range(100_000):
            start = number * 399
            process.stdin.write(f"chr1\t{start}\t{start + 400}\tplace{number}\t0\t-\n")
        process.stdin.close()
        total, grown = process.stdout.read().split()
    assert int(total) == 100_000 * 400
    assert float(grown) < 30  # MiB, the genome has 38
