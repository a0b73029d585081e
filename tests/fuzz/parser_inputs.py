"""The same few transcripts of a toy genome in each format that the data wing reads."""

import io
import random
import zipfile
from typing import NamedTuple

from Bio.Seq import reverse_complement

WIDTH = 60
_RNG = random.Random(11)
GENOME = {
    "chr1": "".join(_RNG.choices("ACGT", k=430)),
    "chr2": "".join(_RNG.choices("acgtACGTN", k=300)),
}


class Transcript(NamedTuple):
    """A transcript, whose exons are 0-based half-open."""

    id: str
    gene: str
    chrom: str
    strand: str
    exons: list[tuple[int, int]]

    @property
    def place(self) -> tuple[int, int]:
        return self.exons[0][0], self.exons[-1][1]

    @property
    def sequence(self) -> str:
        return spliced(self.chrom, self.strand, self.exons)


def spliced(chrom: str, strand: str, exons: list[tuple[int, int]]) -> str:
    """The sequence that the toy genome has there."""
    joined = "".join(GENOME[chrom][start:end] for start, end in exons)
    return reverse_complement(joined) if strand == "-" else joined


LINEAR = [
    Transcript("ENST1.1", "G1", "chr1", "+", [(10, 60), (100, 160), (200, 280), (300, 350)]),
    Transcript("ENST2.1", "G2", "chr2", "-", [(20, 80), (120, 180), (200, 260)]),
    Transcript("ENST3.1", "G3", "chr1", "-", [(360, 410)]),
]
CIRCULAR = [
    Transcript("hsa_circ_00001", "G1", "chr1", "+", LINEAR[0].exons[1:3]),
    Transcript("hsa_circ_00002", "G2", "chr2", "-", LINEAR[1].exons[1:2]),
    Transcript("hsa_circ_00003", "G2", "chr2", "-", LINEAR[1].exons[:2]),
]


def fasta(named: dict[str, str]) -> bytes:
    """Sequences by their headers."""
    text = ""
    for title, bases in named.items():
        lines = [bases[at : at + WIDTH] for at in range(0, len(bases), WIDTH)]
        text += "\n".join([f">{title}", *lines, ""])
    return text.encode()


def _lists(each: Transcript) -> tuple[str, str]:
    lengths = ",".join(str(end - start) for start, end in each.exons)
    return lengths, ",".join(str(start - each.place[0]) for start, _ in each.exons)


def own_fasta(transcripts: list[Transcript] = CIRCULAR) -> bytes:
    named = {}
    for each in transcripts:
        (start, end), (lengths, offsets) = each.place, _lists(each)
        told = f"gene={each.gene} chrom={each.chrom} start={start} end={end} strand={each.strand}"
        named[f"{each.id} {told} exon_lengths={lengths} exon_offsets={offsets} words"] = (
            each.sequence
        )
    return fasta(named)


def circbase() -> bytes:
    return fasta(
        {
            f"{t.id}|{t.chrom}:{t.place[0]}-{t.place[1]}{t.strand}|NM_1|{t.gene}": t.sequence
            for t in CIRCULAR
        }
    )


def gencode_fasta() -> bytes:
    return fasta({f"{t.id}|{t.gene}|-|-|N|N|{len(t.sequence)}|": t.sequence for t in LINEAR})


def gtf() -> bytes:
    text = "##format: gtf\n"
    for each in LINEAR:
        about = f'gene_id "{each.gene}"; transcript_id "{each.id}"; gene_name "{each.gene}"; '
        about += 'gene_type "protein_coding"; transcript_type "protein_coding";'
        for kind, start, end in [("transcript", *each.place), *(("exon", *e) for e in each.exons)]:
            fields = [each.chrom, "X", kind, start + 1, end, ".", each.strand, ".", about]
            text += "\t".join(map(str, fields)) + "\n"
    return text.encode()


def ciriquant() -> bytes:
    text = "##Sample: s\n"
    for each in CIRCULAR:
        about = f'circ_id "{each.id}"; circ_type "exon"; bsj 5.000; gene_id "{each.gene}";'
        start, end = each.place
        fields = [
            each.chrom,
            "CIRIquant",
            "circRNA",
            start + 1,
            end,
            "0.1",
            each.strand,
            ".",
            about,
        ]
        text += "\t".join(map(str, fields)) + "\n"
    return text.encode()


def bed(transcripts: list[Transcript] = CIRCULAR) -> bytes:
    text = "track name=x\n"
    for each in transcripts:
        (start, end), (lengths, offsets) = each.place, _lists(each)
        fields = [each.chrom, start, end, each.id, 0, each.strand, start, end, 0]
        text += "\t".join(map(str, [*fields, len(each.exons), f"{lengths},", offsets])) + "\n"
    return text.encode()


def bed6() -> bytes:
    lines = ([t.chrom, *t.place, t.id, 0, t.strand] for t in CIRCULAR)
    return "".join("\t".join(map(str, fields)) + "\n" for fields in lines).encode()


def genome() -> bytes:
    return fasta({f"{name} toy": bases for name, bases in GENOME.items()})


def fastq() -> bytes:
    text = ""
    for each in CIRCULAR:
        quality = ("I@+>" * 99)[: len(each.sequence)]
        text += f"@{each.id} 1\n{each.sequence}\n+\n{quality}\n"
    return text.encode()


def circrnadb_table() -> bytes:
    text = ""
    for each in CIRCULAR:
        (start, end), (lengths, offsets) = each.place, _lists(each)
        fields = [each.id, each.chrom, start, end, each.strand, each.gene, end - start, "NM_1"]
        fields += [len(each.sequence), len(each.exons), lengths, offsets, "n/a", "n/a", "n/a"]
        text += "\t".join(map(str, fields)) + "\n"
    return text.encode()


def circrnadb_sequences() -> bytes:
    return fasta({t.id: t.sequence for t in CIRCULAR})


def circrnadb(table: bytes, sequences: bytes) -> bytes:
    """The archive of both members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("circRNA_dataset/circRNA_dataset.txt", table)
        archive.writestr("circRNA_dataset/circRNA_fasta", sequences)
    return buffer.getvalue()
