"""Real chromosome 21 (hg19): what is called on it, spliced by each reader of places.

The chromosome, a gene table and CIRCexplorer's calls are in the source distribution that the
environment variable CIRCLET_CIRCEXPLORER_SDIST names.
"""

import os
import tarfile
from dataclasses import replace

import pytest
from Bio import SeqIO
from Bio.SeqFeature import CompoundLocation, SimpleLocation

from circlet.data.genome import exons_of, splice
from circlet.data.sources import bed12, circrnadb, ciriquant
from circlet.data.sources.sequences import read_sequences

SDIST_VARIABLE = "CIRCLET_CIRCEXPLORER_SDIST"
MEMBERS = ("chr21.fa", "circular_RNA.txt", "ref.txt")
CIRCRNADB = "reprod.njmu.edu.cn/circrnadb/doc/circRNA_dataset.zip"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Folder with the real chromosome 21, a gene table and CIRCexplorer's calls."""
    sdist = os.environ.get(SDIST_VARIABLE)
    if not sdist:
        pytest.skip(f"{SDIST_VARIABLE} does not name CIRCexplorer-1.1.10.tar.gz")
    folder = tmp_path_factory.mktemp("real")
    with tarfile.open(sdist) as archive:
        for member in archive.getmembers():
            name = member.name.rsplit("/", 1)[-1]
            if name in MEMBERS:
                (folder / name).write_bytes(archive.extractfile(member).read())
    return folder


@pytest.fixture(scope="module")
def chromosome(real):
    """The real chromosome 21, as Biopython reads it."""
    return SeqIO.read(real / "chr21.fa", "fasta").seq


@pytest.fixture(scope="module")
def calls(real):
    """CIRCexplorer's calls, read as plain BED12, so that the intronic ones are among them."""
    lines = (real / "circular_RNA.txt").read_text().splitlines()
    bed = real / "calls.bed"
    bed.write_text("".join("\t".join(line.split("\t")[:12]) + "\n" for line in lines))
    return list(bed12.read(bed, real / "chr21.fa"))


def numbers(comma_list):
    return [int(word) for word in comma_list.rstrip(",").split(",")]


def extract(chrom_start, lengths, offsets, strand, chromosome):
    """Splice with Biopython's locations, whose parts go along the strand that they are read on."""
    sense = 1 if strand == "+" else -1
    parts = [
        SimpleLocation(chrom_start + offset, chrom_start + offset + length, sense)
        for length, offset in zip(lengths, offsets, strict=True)
    ][::sense]
    location = CompoundLocation(parts) if len(parts) > 1 else parts[0]
    return str(location.extract(chromosome))


def test_all_real_calls_equal_biopythons_splicing(real, calls, chromosome):
    lines = (real / "circular_RNA.txt").read_text().splitlines()
    rows = [line.split("\t") for line in lines]
    assert len(calls) == len(rows) == 109
    for call, row in zip(calls, rows, strict=True):
        lengths, offsets = numbers(row[10]), numbers(row[11])
        assert call.sequence == extract(int(row[1]), lengths, offsets, row[5], chromosome)
    assert sum(len(call.sequence) for call in calls) == 54765
    assert sum(call.strand == "-" for call in calls) == 56
    assert sum(call.sequence != call.sequence.upper() for call in calls) == 8


def test_real_calls_without_the_intronic_ones(real, calls):
    circrnas = list(bed12.read(real / "circular_RNA.txt", real / "chr21.fa"))
    by_id = {call.id: call for call in calls}
    assert len(circrnas) == 98
    assert all(replace(one, gene=None) == by_id[one.id] for one in circrnas)
    assert len({one.gene for one in circrnas}) == 40
    assert (circrnas[0].id, circrnas[0].gene) == ("chr21:16386664-16415895(-)", "NRIP1")


def test_real_calls_read_one_by_one(real, calls):
    entries = list(read_sequences(real / "circular_RNA.txt", real / "chr21.fa"))
    assert [entry.sequence for entry in entries] == [call.sequence for call in calls]
    assert entries[0].id == "circular_RNA/72"
    assert all(entry.length == len(entry.sequence) for entry in entries)


def gene_table(real):
    """Strand, id, gene and exons of the transcripts of chromosome 21."""
    for line in (real / "ref.txt").read_text().splitlines():
        gene, name, chrom, strand, *_, starts, ends = line.split("\t")
        if chrom == "chr21":
            yield strand, name, gene, list(zip(numbers(starts), numbers(ends), strict=True))


def borne(one, table):
    """Tell whether a transcript of the gene table has the exons of a record, one after another."""
    wanted = exons_of(one)
    return any(
        exons[at : at + len(wanted)] == wanted
        for strand, _, _, exons in table
        if strand == one.strand
        for at in range(len(exons))
    )


@pytest.mark.mirror
def test_circrnadb_has_the_sequences_that_are_spliced(mirror, real):
    records = [one for one in circrnadb.read(mirror / CIRCRNADB) if one.chrom == "chr21"]
    # The exons of the other four are not known: no transcript of the gene table has them.
    known = [one for one in records if exons_of(one)]
    assert (len(records), len(known)) == (30, 26)
    table = list(gene_table(real))
    assert sum(borne(one, table) for one in known) == 26
    blank = [replace(one, sequence="") for one in known]
    assert splice(blank, real / "chr21.fa", CIRCRNADB) == known


def test_real_calls_as_ciriquant_writes_them(real, tmp_path):
    gtf, annotation = tmp_path / "calls.gtf", tmp_path / "genes.gtf"
    with open(annotation, "w") as handle:
        for number, (strand, name, gene, exons) in enumerate(gene_table(real)):
            told = f'gene_id "{gene}"; transcript_id "{name}/{number}";'  # some are there twice
            lines = [("transcript", exons[0][0], exons[-1][1]), *(("exon", *one) for one in exons)]
            for feature, start, end in lines:
                columns = ("chr21", "x", feature, start + 1, end, ".", strand, ".", told)
                handle.write("\t".join(map(str, columns)) + "\n")
    circrnas = {}
    with open(gtf, "w") as handle:
        for one in bed12.read(real / "circular_RNA.txt", real / "chr21.fa"):
            name = f"chr21:{one.start + 1}|{one.end}"
            circrnas[name] = one
            told = f'circ_id "{name}"; circ_type "exon"; bsj 2.000; gene_id "{one.gene}";'
            place = ("chr21", "CIRIquant", "circRNA", one.start + 1, one.end, "1.0", one.strand)
            handle.write("\t".join(map(str, (*place, ".", told))) + "\n")
    found = list(ciriquant.read(gtf, annotation, real / "chr21.fa"))
    assert len(found) == 98
    assert all(one.gene_id == circrnas[one.id].gene for one in found)
    # CIRCexplorer took another isoform of APP, without one of the exons.
    differing = [one for one in found if one.sequence != circrnas[one.id].sequence]
    assert [(one.id, one.exon_count, len(one.sequence)) for one in differing] == [
        ("chr21:27326904|27484463", 12, 1630)
    ]
    assert len(circrnas["chr21:27326904|27484463"].sequence) == 1573
