"""Names that do not print, headers without end, and exons that lie."""

import gzip
import logging
import subprocess
import sys

import pytest
from test_ciriquant import transcript

from circlet.data.exon_runs import read_bed12
from circlet.data.hard_negatives import read_circrnas
from circlet.data.records import Record, records_to_table
from circlet.data.sources import bed12, circbase, fasta, gencode, lines
from circlet.data.sources.places import check_name
from circlet.data.sources.sequences import read_sequences
from circlet.errors import InputError
from circlet.files import write_table

BED = "chr1\t0\t5\t{}\t0\t+\n"
GTF = 'chr1\tx\texon\t1\t5\t.\t+\t.\ttranscript_id "{}";\n'


@pytest.fixture
def file(tmp_path):
    """Write a file; give its path."""

    def write(content, name="x"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("letter", ["\x1b", "\x07", "\x7f", "\u200b", "\u202e", "\ue000"])
def test_a_name_that_does_not_print_is_refused(file, letter):
    genome, name = file(">chr1\nACGTACGTAC\n", "genome"), f"a{letter}b"
    tries = [
        lambda: list(fasta.read_transcripts(file(f">{name}\nACGT\n"))),
        lambda: list(fasta.read_transcripts(file(f">a chrom={name}\nACGT\n"))),
        lambda: list(circbase.read(file(f">{name}|chr1:1-5+|x|y\nACGT\n"))),
        lambda: list(bed12.read(file(BED.format(name)), genome)),
        lambda: read_bed12(file(BED.replace("chr1", name))),
        lambda: gencode.read_annotation(file(GTF.format(name)), typed=False),
        lambda: list(read_sequences(file(f">{name}\nACGT\n"))),
        lambda: list(read_sequences(file(f"@{name}\nACGT\n+\nIIII\n"))),
        lambda: list(read_sequences(file(BED.format(name)), genome)),
        lambda: list(read_sequences(file(GTF.format(name)), genome)),
    ]
    for attempt in tries:
        with pytest.raises(InputError, match=f"does not print .U.{ord(letter):04X}.") as caught:
            attempt()
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["a", "a b", "\u00e9", "\u5b57", "=1+1", "<b>", "a|b;c"])
def test_other_names_are_taken(file, name):
    check_name(name, "id")
    if " " not in name:
        assert [entry.id for entry in read_sequences(file(f">{name}\nACGT\n"))] == [name]


PROGRAM = """
import resource, sys
from circlet.data.sources import fasta
from circlet.data.sources.sequences import read_sequences
from circlet.errors import InputError
from circlet.files import write_table
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
try:
    print(list({"predict": read_sequences, "data": fasta.read_fasta}[sys.argv[1]]("-")))
except InputError as error:
    print(error)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
@pytest.mark.parametrize(("reader", "mark"), [("predict", b">"), ("predict", b"@"), ("data", b">")])
def test_a_header_of_1_gb_is_refused_in_little_memory(reader, mark):
    """As a stream that is longer than the memory it may take."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, reader], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            process.stdin.write(mark)
            for _ in range(1024):
                process.stdin.write(b"a" * (1 << 20))
            process.stdin.close()
        except BrokenPipeError:  # it did not wait for the end
            pass
        told, peak = process.stdout.read().decode().splitlines()
    assert told.partition(": ")[2] == (
        "has a header of more than 1,048,576 characters; give a file with line breaks"
    )
    assert int(peak) >> 10 < 200  # MiB, most of them the libraries'


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_lines_without_end_are_refused(file, monkeypatch, pack):
    monkeypatch.setattr(lines, "PIECE", 100)
    long = "x" * 101
    tries = {
        "line 1: is longer than 100": [
            lambda: list(bed12.read_rows(file(pack(long.encode())))),
            lambda: list(gencode.read_features(file(pack(long.encode())), ("exon",))),
        ],
        "has a header of more than 100": [
            lambda: list(fasta.read_fasta(file(pack(f">{long}\nACGT\n".encode())))),
            lambda: list(fasta.read_fasta(file(pack(f">a\nA\n>{long}".encode())))),
            lambda: list(read_sequences(file(pack(f">a {long}\nACGT\n".encode())))),
            lambda: list(read_sequences(file(pack(f"@a {long}\nA\n+\nI\n".encode())))),
        ],
        "has a '>' within": [
            lambda: list(fasta.read_fasta(file(pack(f">a\n{'A' * 100}>C\n".encode())))),
        ],
    }
    for words, attempts in tries.items():
        for attempt in attempts:
            with pytest.raises(InputError, match=words):
                attempt()
    path = file(pack(f">{'a' * 98}\n{'AC' * 500}\n".encode()))
    assert list(fasta.read_fasta(path)) == [("a" * 98, "AC" * 500)]


ANNOTATION = transcript("T1", (1, 5), (11, 15), (21, 25))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "".join(text.splitlines(keepends=True)[:-1]),  # cut off
        lambda text: text.replace("exon\t11\t15", "exon\t4\t15"),
        lambda text: text.replace("exon\t21\t25", "exon\t21\t26"),
        lambda text: text.replace("chr1\tHAVANA\texon\t11", "chr2\tHAVANA\texon\t11"),
        lambda text: text.replace("15\t.\t+", "15\t.\t-"),
    ],
)
def test_exons_that_contradict_their_transcript_are_told_and_not_used(file, caplog, change):
    caplog.set_level(logging.WARNING)
    whole = gencode.read_annotation(file(ANNOTATION), typed=False)["T1"]
    assert (whole.exon_lengths, whole.exon_offsets, caplog.messages) == ("5,5,5", "0,10,20", [])
    path = file(change(ANNOTATION))
    record = gencode.read_annotation(path, typed=False)["T1"]
    assert (record.exon_count, record.exon_lengths, record.start, record.end) == (None, None, 0, 25)
    assert caplog.messages == [f"{path}: transcripts whose exons contradict it, not used: 1"]


def test_a_gtf_file_that_was_cut_off_gives_no_shorter_sequence(file):
    genome = file(">chr1\n" + "ACGTTGCAAC" * 5 + "\n", "genome")
    assert [entry.length for entry in read_sequences(file(ANNOTATION), genome)] == [15]
    cut = file("".join(ANNOTATION.splitlines(keepends=True)[:-1]))
    with pytest.raises(InputError, match=r"T1: its exons do not reach the ends of its own line"):
        list(read_sequences(cut, genome))


def test_what_is_no_base_of_a_genome_is_in_no_sequence(file):
    bed = file(BED.format("a"), "bed")
    genome = file(">chr1\nAC\x07GTACGT\n", "genome")
    for attempt in (
        lambda: list(bed12.read(bed, genome)),
        lambda: list(read_sequences(bed, genome)),
    ):
        with pytest.raises(InputError, match=r"chr1: has (something else|a character that is no)"):
            attempt()


def test_a_genome_that_its_index_does_not_allow_for_is_refused(file):
    genome = file(">chr1\nACGTACGT\n>chr2\nACGT\nACGT\n\n\n", "genome")
    with pytest.raises(InputError, match=f"{genome}: cannot be indexed: several blank lines"):
        list(read_sequences(file(BED.format("a"), "bed"), genome))


def test_a_table_with_a_row_that_lacks_its_sequence_is_refused(file):
    path = file("", "x.tsv")
    for sequence in ("", "12"):
        write_table(path, records_to_table([Record("a", sequence)], "s", "circRNA", "hg19"))
        with pytest.raises(InputError, match="has a row without id or sequence"):
            read_circrnas([path], "hg19")
