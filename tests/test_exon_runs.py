"""Linear transcripts and the runs of internal exons cut from them."""

import numpy as np
import pytest
from Bio.Seq import reverse_complement
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet.data.exon_runs import (
    Runs,
    cut_run,
    cut_sequence,
    enumerate_runs,
    read_bed12,
    read_with_bed12,
    with_exons,
)
from circlet.data.records import Record
from circlet.errors import InputError

STARTS = (100, 200, 300, 400, 500)
BLOCKS = ("A" * 5, "C" * 20, "G" * 30, "AC" * 6, "T" * 7)  # as transcribed, in genomic order


def transcript(name="NM_1", strand="+", blocks=BLOCKS, starts=STARTS, chrom="chr1", **fields):
    """A transcript whose exons read as `blocks`, given in ascending genomic order."""
    lengths = [len(block) for block in blocks]
    record = Record(
        name,
        "".join(blocks if strand == "+" else blocks[::-1]),
        chrom,
        starts[0],
        starts[-1] + lengths[-1],
        strand,
        exon_count=len(blocks),
        exon_lengths=",".join(map(str, lengths)),
        exon_offsets=",".join(str(start - starts[0]) for start in starts),
        **fields,
    )
    return with_exons(record)


def every(count, lengths):
    return lengths > 0


def listed(runs: Runs):
    return list(zip(*(getattr(runs, name).tolist() for name in Runs.__slots__), strict=True))


def bed_line(name="NM_1", start=100, end=507, sizes="5,20,30,12,7,", begins="0,100,200,300,400,"):
    count = sizes.count(",") + (not sizes.endswith(","))
    return f"chr1\t{start}\t{end}\t{name}\t0\t+\t0\t0\t0\t{count}\t{sizes}\t{begins}\textra\n"


def test_runs_are_internal_and_consecutive():
    runs = enumerate_runs([transcript()], every, 9)
    assert listed(runs) == [
        (0, 1, 1, 20),
        (0, 2, 1, 30),
        (0, 3, 1, 12),
        (0, 1, 2, 50),
        (0, 2, 2, 42),
        (0, 1, 3, 62),
    ]


@pytest.mark.parametrize(
    ("strand", "name", "sequence"),
    [
        ("+", "NM_1:exons2-3", "C" * 20 + "G" * 30),
        ("-", "NM_1:exons3-4", "G" * 30 + "C" * 20),
    ],
)
def test_a_run_becomes_a_record(strand, name, sequence):
    host = transcript(strand=strand, gene="ABC", gene_id="ENSG1")
    assert cut_run(host, 1, 2) == Record(
        name,
        sequence,
        "chr1",
        200,
        330,
        strand,
        gene="ABC",
        gene_id="ENSG1",
        biotype="linear_exons",
        exon_count=2,
        exon_lengths="20,30",
        exon_offsets="0,100",
        gene_type="protein_coding",
    )


def test_what_isoforms_share_is_given_once():
    longer = transcript("NM_2", blocks=(*BLOCKS[:3], "ACG" * 3, "T" * 7))
    elsewhere = transcript("NM_3", chrom="chr2", blocks=BLOCKS[:3], starts=STARTS[:3])
    opposite = transcript("NM_4", strand="-", blocks=BLOCKS[:3], starts=STARTS[:3])
    runs = enumerate_runs([transcript(), longer, elsewhere, opposite], every, 2)
    assert listed(runs)[3:] == [
        (1, 3, 1, 9),
        (2, 1, 1, 20),
        (3, 1, 1, 20),
        (0, 1, 2, 50),
        (0, 2, 2, 42),
        (1, 2, 2, 39),
    ]


def test_runs_with_other_bases_are_left_out():
    unclear = transcript(blocks=("NNNNN", "c" * 20, "GNG" * 10, "ACU" * 4, "T" * 7))
    assert listed(enumerate_runs([unclear], every, 3)) == [(0, 1, 1, 20), (0, 3, 1, 12)]


def test_only_wanted_runs_are_given():
    runs = enumerate_runs([transcript()], lambda count, lengths: (lengths > 45) & (count < 3), 3)
    assert listed(runs) == [(0, 1, 2, 50)]
    assert listed(enumerate_runs([transcript()], every, 1)) == [
        (0, 1, 1, 20),
        (0, 2, 1, 30),
        (0, 3, 1, 12),
    ]


@pytest.mark.parametrize("hosts", [[], [transcript(blocks=BLOCKS[:2], starts=STARTS[:2])]])
def test_no_internal_exon_gives_no_run(hosts):
    assert listed(enumerate_runs(hosts, every, 3)) == []


def test_exons_that_contradict_the_sequence_are_not_used():
    whole = transcript()
    assert whole.starts.tolist() == list(STARTS)
    assert whole.lengths.tolist() == [5, 20, 30, 12, 7]
    whole.record.sequence += "A"
    assert with_exons(whole.record) is None
    assert with_exons(Record("NM_1", "ACGT")) is None


@st.composite
def genes(draw):
    """A genome of one chromosome, and transcripts on it as (strand, exons)."""
    bases = draw(st.integers(0, 2**32 - 1).map(np.random.default_rng)).choice(list("ACGT"), 300)
    cuts = st.lists(st.integers(0, 300), min_size=6, max_size=16, unique=True).map(sorted)
    hosts = draw(st.lists(st.tuples(st.sampled_from("+-"), cuts), min_size=1, max_size=4))
    return "".join(bases), [
        (strand, list(zip(cut[::2], cut[1::2], strict=False))) for strand, cut in hosts
    ]


@settings(derandomize=True, max_examples=60)
@given(genes())
def test_each_run_is_the_concatenation_of_its_exons(drawn):
    genome, hosts = drawn
    transcripts = []
    for number, (strand, exons) in enumerate(hosts):
        sense = str if strand == "+" else reverse_complement
        blocks = tuple(sense(genome[start:end]) for start, end in exons)
        starts = tuple(start for start, _ in exons)
        transcripts.append(transcript(f"NM_{number}", strand, blocks, starts))
    runs = enumerate_runs(transcripts, every, 20)
    seen = set()
    for owner, first, count, length in listed(runs):
        record = cut_run(transcripts[owner], first, count)
        sizes = [int(size) for size in record.exon_lengths.split(",")]
        begins = [record.start + int(offset) for offset in record.exon_offsets.split(",")]
        spliced = "".join(genome[a : a + n] for a, n in zip(begins, sizes, strict=True))
        assert record.sequence == (spliced if record.strand == "+" else reverse_complement(spliced))
        assert record.sequence == cut_sequence(transcripts[owner], first, count)
        assert (len(record.sequence), len(sizes)) == (length, count)
        assert record.end == begins[-1] + sizes[-1]
        inner = hosts[owner][1][1:-1]
        assert list(zip(begins, sizes, strict=True)) == [
            (a, b - a) for a, b in inner[first - 1 : first - 1 + count]
        ]
        seen.add((record.strand, tuple(begins), tuple(sizes)))
    possible = {
        (strand, tuple(a for a, _ in part), tuple(b - a for a, b in part))
        for strand, exons in hosts
        for first in range(1, len(exons) - 1)
        for last in range(first, len(exons) - 1)
        if (part := exons[first : last + 1])
    }
    assert seen == possible
    assert len(seen) == len(runs.count)


def test_bed12_is_joined_with_the_sequences(tmp_path, caplog):
    fasta, bed = tmp_path / "tx.fa", tmp_path / "tx.bed"
    fasta.write_text(f">NM_9\nACGT\n>NM_1 x\n{''.join(BLOCKS)}\n")
    bed.write_text("# made\ntrack name=x\n" + bed_line() + "\n" + bed_line("NM_2"))
    assert list(read_with_bed12(fasta, bed)) == [transcript().record]
    assert f"{fasta}: 1 sequences are not in {bed}, left out" in caplog.messages
    assert f"{bed}: 1 lines have no sequence in {fasta}" in caplog.messages


def test_no_common_name_is_refused(tmp_path):
    fasta, bed = tmp_path / "tx.fa", tmp_path / "tx.bed"
    fasta.write_text(">NM_9\nACGT\n")
    bed.write_text(bed_line())
    with pytest.raises(InputError, match=r"tx\.fa: no sequence has a line in .*tx\.bed"):
        list(read_with_bed12(fasta, bed))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no line"),
        ("chr1\t1\t9\tNM_1\t0\n", "line 1: 5 tab-separated columns instead of 6 or at least 12"),
        (bed_line() + bed_line(), "line 2: the name NM_1 occurs again"),
        (bed_line().replace("\t+\t", "\t.\t"), "line 1: strand '.' is neither + nor -"),
        (bed_line(end=100), "line 1: start 100 and end 100 do not bound a place"),
        (bed_line(sizes="5,20,30,12,x,"), "line 1: exon_lengths 'x' is not a whole number"),
        (bed_line(sizes="5,20,30,12,"), "line 1: exon_offsets has 5 numbers for 4 exons"),
        (bed_line(end=508), "line 1: the blocks span 100 to 507 and not the place, 100 to 508"),
        (bed_line(begins="1,100,200,300,400,"), "line 1: the blocks span 101 to 507"),
        (bed_line(sizes="5,120,30,12,7,"), "line 1: blocks overlap or are not in"),
        (bed_line(sizes="5,0,30,12,7,"), "line 1: a block has no length"),
    ],
)
def test_malformed_bed12_is_refused(tmp_path, text, problem):
    bed = tmp_path / "tx.bed"
    bed.write_text(text)
    with pytest.raises(InputError) as caught:
        read_bed12(bed)
    assert f"tx.bed: {problem}" in str(caught.value)
