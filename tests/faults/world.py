"""A small made-up genome, and files of its transcripts as each upstream and each user has them."""

import gzip
import hashlib
import json
import zipfile
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from circlet.chunks import WINDOW_RECORDS

CHROMOSOMES = [f"chr{number}" for number in range(1, 7)]
ROUNDS = 7  # genes of each kind on a chromosome
COMPLEMENT = str.maketrans("ACGT", "TGCA")
CIRCRNADB = "reprod.njmu.edu.cn/circrnadb/doc"
CIRCBASE = "www.circbase.org/download"
GENCODE = "ftp.ebi.ac.uk/pub/databases/gencode/Gencode_human/release_19"


@dataclass(frozen=True)
class Gene:
    """A gene of one transcript.

    Attributes:
        name: Of the gene; that of the transcript has `.1` behind it.
        biotype: Of both.
        chrom: Where it is.
        strand: Likewise.
        exons: 0-based, half-open, by place.
    """

    name: str
    biotype: str
    chrom: str
    strand: str
    exons: tuple[tuple[int, int], ...]

    def spliced(self, genome: dict[str, str], first: int = 0, end: int | None = None) -> str:
        """The sequence of some of its exons as it is transcribed."""
        chromosome = genome[self.chrom]
        joined = "".join(chromosome[begin:stop] for begin, stop in self.exons[first:end])
        return joined if self.strand == "+" else joined.translate(COMPLEMENT)[::-1]

    def circle(self, first: int, end: int) -> "Gene":
        """The circRNA of some of its exons."""
        return Gene(self.name, "circRNA", self.chrom, self.strand, self.exons[first:end])

    @property
    def start(self) -> int:
        """Where it begins."""
        return self.exons[0][0]

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.exons[-1][1]

    @property
    def lengths(self) -> str:
        """Of its exons."""
        return ",".join(str(stop - begin) for begin, stop in self.exons)

    @property
    def offsets(self) -> str:
        """Of its exons, from its start."""
        return ",".join(str(begin - self.start) for begin, _ in self.exons)


def draw_gene(rng: np.random.Generator, name: str, biotype: str, chrom: str, at: int) -> Gene:
    """Draw a gene of six exons, or of three if it is a lncRNA's, from a place on."""
    count = 3 if biotype == "lincRNA" else 6
    steps = rng.integers(100, 220, 2 * count).tolist()
    ends = [at + step for step in accumulate(steps)]
    exons = tuple(zip(ends[::2], ends[1::2], strict=True))
    return Gene(name, biotype, chrom, "+-"[int(rng.integers(2))], exons)


def draw_genome(rng: np.random.Generator) -> tuple[dict[str, str], list[Gene]]:
    """Draw chromosomes with genes, of which those of lncRNAs are rich in A and T."""
    genes, genome = [], {}
    for chrom in CHROMOSOMES:
        at, own = 500, []
        for number in range(ROUNDS):
            for kind, biotype in (("HOST", "coding"), ("LINC", "lincRNA"), ("LINE", "coding")):
                biotype = "protein_coding" if biotype == "coding" else biotype
                gene = draw_gene(rng, f"{kind}{chrom[3:]}{number}", biotype, chrom, at)
                at = gene.end + 400
                own.append(gene)
        bases = rng.choice(list("ACGT"), at)
        for gene in own:
            if gene.biotype == "lincRNA":
                rich = rng.choice(list("ACGT"), gene.end - gene.start, p=[0.35, 0.15, 0.15, 0.35])
                bases[gene.start : gene.end] = rich
        genome[chrom] = "".join(bases)
        genes += own
    return genome, genes


def gtf(genes: list[Gene]) -> str:
    """The annotation of genes, as GENCODE's."""
    lines = []
    for gene in genes:
        told = (
            f'gene_id "ENSG_{gene.name}.1"; transcript_id "{gene.name}.1"; '
            f'gene_type "{gene.biotype}"; gene_name "{gene.name}"; '
            f'transcript_type "{gene.biotype}";'
        )
        places = [("transcript", gene.start, gene.end)]
        places += [("exon", *exon) for exon in gene.exons]
        lines += [
            f"{gene.chrom}\tHAVANA\t{feature}\t{start + 1}\t{end}\t.\t{gene.strand}\t.\t{told}\n"
            for feature, start, end in places
        ]
    return "".join(lines)


def gencode_fasta(genes: list[Gene], genome: dict[str, str]) -> str:
    """The transcripts of genes, as GENCODE's."""
    records = []
    for gene in genes:
        bases = gene.spliced(genome)
        title = f"{gene.name}.1|ENSG_{gene.name}.1|-|-|{gene.name}-001|{gene.name}|{len(bases)}|"
        records.append(f">{title}\n{bases}\n")
    return "".join(records)


def write_gencode(folder: Path, genes: list[Gene], genome: dict[str, str]) -> None:
    """Write a release of GENCODE."""
    lncrnas = [gene for gene in genes if gene.biotype == "lincRNA"]
    coding = [gene for gene in genes if gene.biotype == "protein_coding"]
    texts = {
        "lncRNA_transcripts.fa.gz": gencode_fasta(lncrnas, genome),
        "long_noncoding_RNAs.gtf.gz": gtf(lncrnas),
        "pc_transcripts.fa.gz": gencode_fasta(coding, genome),
        "annotation.gtf.gz": gtf(genes),
    }
    folder.mkdir(parents=True)
    sums = []
    for ending, text in texts.items():
        content = gzip.compress(text.encode(), mtime=0)
        (folder / f"gencode.v19.{ending}").write_bytes(content)
        sums.append(f"{hashlib.md5(content).hexdigest()}  gencode.v19.{ending}\n")
    (folder / "MD5SUMS").write_text("".join(sums))


def write_circrnadb(folder: Path, circles: list[Gene], genome: dict[str, str]) -> None:
    """Write circRNADb's archive."""
    rows, records = [], []
    for number, circle in enumerate(circles, 1):
        name, bases = f"hsa_circ_{number:05}", circle.spliced(genome)
        place = (circle.chrom, circle.start, circle.end, circle.strand, circle.name)
        exons = (len(bases), len(circle.exons), circle.lengths, circle.offsets)
        columns = (name, *place, circle.end - circle.start, "NM_1", *exons, "n/a", "n/a", "n/a")
        rows.append("\t".join(map(str, columns)) + "\n")
        records.append(f">{name}\n{bases}\n")
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "circRNA_dataset.zip", "w") as archive:
        for name, lines in (("circRNA_dataset.txt", rows), ("circRNA_fasta", records)):
            member = zipfile.ZipInfo(f"circRNA_dataset/{name}")  # of 1980, not of now
            archive.writestr(member, "".join(lines))


def write_circbase(folder: Path, circles: list[Gene], genome: dict[str, str]) -> None:
    """Write circBase's FASTA file."""
    records = [
        f">hsa_circ_{number:07}|{circle.chrom}:{circle.start}-{circle.end}{circle.strand}|NM|"
        f"{circle.name}\n{circle.spliced(genome)}\n"
        for number, circle in enumerate(circles, 1)
    ]
    folder.mkdir(parents=True)
    path = folder / "human_hg19_circRNAs_putative_spliced_sequence.fa.gz"
    path.write_bytes(gzip.compress("".join(records).encode(), mtime=0))


def bed12(circles: list[Gene]) -> str:
    """The circRNAs as a caller's BED12."""
    lines = []
    for circle in circles:
        place = (circle.chrom, circle.start, circle.end, f"called_{circle.name}", 0, circle.strand)
        exons = (len(circle.exons), circle.lengths, circle.offsets)
        columns = (*place, circle.start, circle.start, "0,0,0", *exons)
        lines.append("\t".join(map(str, columns)) + "\n")
    return "".join(lines)


def ciriquant(circles: list[Gene]) -> str:
    """The circRNAs as CIRIquant's GTF."""
    lines = []
    for circle in circles:
        start, end = circle.start + 1, circle.end
        told = (
            f'circ_id "{circle.chrom}:{start}|{end}"; circ_type "exon"; bsj 5.000; fsj 2.000; '
            f'junc_ratio 0.833; gene_id "ENSG_{circle.name}.1"; gene_name "{circle.name}";'
        )
        place = (circle.chrom, "CIRIquant", "circRNA", start, end, "0.1", circle.strand, ".", told)
        lines.append("\t".join(map(str, place)) + "\n")
    return "".join(lines)


def fasta(rng: np.random.Generator, name: str, count: int, at: float, length: int = 0) -> str:
    """Made-up sequences, of a share of A and T; of 210 to 600 nt if no length is given."""
    share = [at / 2, (1 - at) / 2, (1 - at) / 2, at / 2]
    records = []
    for number in range(count):
        bases = "".join(rng.choice(list("ACGT"), length or int(rng.integers(210, 600)), p=share))
        records.append(f">{name}{number} gene={name.upper()}{number}\n{bases}\n")
    return "".join(records)


def write_world(folder: Path) -> Path:
    """Write all that a config asks for with every type of source, and the config; give its path."""
    rng = np.random.default_rng(9)
    genome, genes = draw_genome(rng)
    hosts = [gene for gene in genes if gene.name.startswith("HOST")]
    mirror = folder / "mirror"
    write_gencode(mirror / GENCODE, genes, genome)
    write_circrnadb(mirror / CIRCRNADB, [gene.circle(1, 4) for gene in hosts], genome)
    write_circbase(mirror / CIRCBASE, [gene.circle(2, 5) for gene in hosts[::3]], genome)
    texts = {
        "genome.fa": "".join(f">{chrom}\n{bases}\n" for chrom, bases in genome.items()),
        "called.bed": bed12([gene.circle(1, 3) for gene in hosts[1::4]]),
        "quantified.gtf": ciriquant([gene.circle(3, 5) for gene in hosts[2::4]]),
        "annotation.gtf": gtf(genes),
        "mine.fa": fasta(rng, "mine", 12, 0.7),
        "circles.fa": fasta(rng, "circle", 12, 0.5),
        "controls.fa": fasta(rng, "control", 12, 0.7),
        "many.fa": fasta(rng, "many", WINDOW_RECORDS + 40, 0.6, 210),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    path = folder / "config.json"
    path.write_text(json.dumps(settings(folder), indent=1))
    return path


def settings(folder: Path) -> dict[str, Any]:
    """The config: every type of source, two runs on different splits, all as small as can be."""
    own = {"enabled": True, "assembly": "hg19"}
    called = {**own, "label": "circRNA", "genome": str(folder / "genome.fa")}
    quantified = {
        "file": str(folder / "quantified.gtf"),
        "annotation": str(folder / "annotation.gtf"),
    }
    small = {"max_tokens": 384, "window": 16, "width": 8, "heads": 2, "feedforward": 16}
    quick = {"epochs": 2, "batch_tokens": 8192}
    return {
        "mirror": str(folder / "mirror"),
        "device": "cpu",
        "sources": {
            "circbase": {"enabled": True},
            "coding_exons": {"enabled": True},
            "mine": {"type": "fasta", **own, "label": "lncRNA", "file": str(folder / "mine.fa")},
            "called": {"type": "bed12", **called, "file": str(folder / "called.bed")},
            "quantified": {"type": "ciriquant", **called, **quantified},
        },
        "dataset": {"reference": {"circRNA": None, "lncRNA": None}},
        "split": {"folds": 3, "audit": ["gene"]},
        "runs": {
            "main": {"seeds": [1], "network": small, "training": quick},
            "other": {"base": "main", "boosting": False, "split": {"hard_negatives": True}},
        },
        "run": ["main", "other"],
        "search": {"trials": 2},
        "evaluate": {
            "baselines": ["length", "memoriser"],
            "replicates": 20,
            "external": {
                "own": {
                    "circRNA": str(folder / "circles.fa"),
                    "lncRNA": str(folder / "controls.fa"),
                }
            },
        },
        "explain": {"mistakes": 2, "sample": 4, "window": 3, "steps": 4},
        "predict": {"inputs": {"many": str(folder / "many.fa")}},
    }
