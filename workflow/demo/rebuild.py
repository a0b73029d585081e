"""Rebuild the demo's two FASTA files, byte for byte, from CIRCexplorer's source distribution.

    python workflow/demo/rebuild.py [--sdist CIRCexplorer-1.1.10.tar.gz] [--keep DIR]
                                    [--output-dir DIR]

Human chromosome 21 (hg19), the RefSeq gene table and the circRNAs called on it are test data of
that distribution. Each transcript's exons are cut from the chromosome and joined. Without
`--sdist`, pip fetches the distribution, into a temporary folder unless `--keep` names one.
"""

import argparse
import io
import logging
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqFeature import CompoundLocation, SimpleLocation
from Bio.SeqRecord import SeqRecord

from circlet.errors import InputError
from circlet.files import atomic_text, sha256_of

REQUIREMENT = "CIRCexplorer==1.1.10"
SDIST_NAME = "CIRCexplorer-1.1.10.tar.gz"
SDIST_SHA256 = "19d1345db3a88211e6a3c66e67d16c7fe4d7c82c2a71c366ffed21ac696fefd6"
DATA_FOLDER = "CIRCexplorer-1.1.10/test/data"

CHROMOSOME = "chr21"
MIN_LENGTH = 200

EXIT_BAD_INPUT = 2

log = logging.getLogger("rebuild")


@dataclass(frozen=True, slots=True)
class Transcript:
    """Where the exons of one transcript lie.

    Attributes:
        id: Identifier, unique within its class.
        gene: Symbol of the gene.
        chrom: Chromosome.
        strand: `+` or `-`.
        exons: Start and end of each exon, 0-based half-open, in ascending genomic order.
    """

    id: str
    gene: str
    chrom: str
    strand: str
    exons: tuple[tuple[int, int], ...]

    @property
    def start(self) -> int:
        """First position, 0-based."""
        return self.exons[0][0]

    @property
    def end(self) -> int:
        """Position after the last one."""
        return self.exons[-1][1]

    @property
    def lengths(self) -> list[int]:
        """Length of each exon in nt."""
        return [end - start for start, end in self.exons]

    @property
    def header(self) -> str:
        """The attributes of the FASTA header, exons as in BED12."""
        offsets = [start - self.start for start, _ in self.exons]
        return (
            f"gene={self.gene} chrom={self.chrom} start={self.start} end={self.end} "
            f"strand={self.strand} exon_count={len(self.exons)} "
            f"exon_lengths={_comma_list(self.lengths)} exon_offsets={_comma_list(offsets)}"
        )


def _comma_list(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def _numbers(comma_list: str) -> list[int]:
    """Read a comma list, with or without UCSC's trailing comma."""
    return [int(word) for word in comma_list.rstrip(",").split(",")]


def parse_circrnas(lines: Iterable[str]) -> list[Transcript]:
    """Read the circRNAs of CIRCexplorer's output: BED12 and six columns more.

    ciRNAs are left out: they are intron lariats, another class. The name column holds only the
    number of reads, so the id is the place, in BED's 0-based coordinates.
    """
    transcripts = []
    for line in lines:
        fields = line.rstrip("\n").split("\t")
        chrom, start, end, strand = fields[0], int(fields[1]), int(fields[2]), fields[5]
        kind, gene = fields[13], fields[14]
        if kind != "circRNA":
            continue
        blocks = zip(_numbers(fields[11]), _numbers(fields[10]), strict=True)
        exons = tuple((start + offset, start + offset + length) for offset, length in blocks)
        transcripts.append(
            Transcript(f"{chrom}:{start}-{end}({strand})", gene, chrom, strand, exons)
        )
    return transcripts


def parse_lncrnas(lines: Iterable[str]) -> list[Transcript]:
    """Read the `NR_` (non-coding RefSeq) transcripts of UCSC's extended genePred table."""
    transcripts = []
    for line in lines:
        gene, name, chrom, strand, *_, starts, ends = line.rstrip("\n").split("\t")
        if name.startswith("NR_"):
            exons = tuple(zip(_numbers(starts), _numbers(ends), strict=True))
            transcripts.append(Transcript(name, gene, chrom, strand, exons))
    return transcripts


def choose(transcripts: Iterable[Transcript]) -> list[Transcript]:
    """Keep the transcripts of the chromosome of at least 200 nt, in genomic order."""
    kept = [
        transcript
        for transcript in transcripts
        if transcript.chrom == CHROMOSOME and sum(transcript.lengths) >= MIN_LENGTH
    ]
    return sorted(kept, key=lambda t: (t.chrom, t.start, t.end, t.strand, t.id))


def splice(transcript: Transcript, chromosome: Seq) -> Seq:
    """Join the exons of a transcript, read along its own strand, in upper case."""
    sense = 1 if transcript.strand == "+" else -1
    # Biopython joins the parts in the order given: that of the transcript, not of the genome.
    parts = [SimpleLocation(start, end, sense) for start, end in transcript.exons[::sense]]
    location = CompoundLocation(parts) if len(parts) > 1 else parts[0]
    return location.extract(chromosome).upper()


def write_fasta(path: Path, transcripts: Iterable[Transcript], chromosome: Seq) -> None:
    """Write the spliced transcripts, 60 bases a line, atomically."""
    records = [
        SeqRecord(splice(transcript, chromosome), transcript.id, description=transcript.header)
        for transcript in transcripts
    ]
    with atomic_text(path) as handle:
        SeqIO.write(records, handle, "fasta")
    log.info("%s: %d sequences", path, len(records))


def fetch_sdist(folder: Path) -> Path:
    """Fetch the source distribution with pip into `folder`.

    Raises:
        InputError: pip failed.
    """
    requirements = folder / "requirements.txt"
    # pip runs a distribution's setup.py even to download it: so it checks the hash first.
    requirements.write_text(f"{REQUIREMENT} --hash=sha256:{SDIST_SHA256}\n", encoding="utf-8")
    options = ["--no-deps", "--no-binary", "CIRCexplorer", "--require-hashes"]
    log.info("fetching %s with pip (23 MB)", REQUIREMENT)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, "-r", requirements, "-d", folder],
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode != 0:
        raise InputError(
            REQUIREMENT, "pip could not fetch it", "fetch it by hand and name it with --sdist"
        )
    return folder / SDIST_NAME


def _open_member(archive: tarfile.TarFile, name: str) -> TextIO:
    """Open one data file of the distribution by its name, as text."""
    return io.TextIOWrapper(archive.extractfile(f"{DATA_FOLDER}/{name}"), encoding="utf-8")


def rebuild(sdist: Path, output_dir: Path) -> None:
    """Write both FASTA files into `output_dir`.

    Raises:
        InputError: The distribution cannot be read or is not the one that the demo was made from.
    """
    if sha256_of(sdist) != SDIST_SHA256:
        raise InputError(sdist, f"its sha256 is not {SDIST_SHA256}", f"take {REQUIREMENT}'s sdist")
    with tarfile.open(sdist) as archive:
        chromosome = SeqIO.read(_open_member(archive, "chr21.fa"), "fasta").seq
        circrnas = choose(parse_circrnas(_open_member(archive, "circular_RNA.txt")))
        lncrnas = choose(parse_lncrnas(_open_member(archive, "ref.txt")))
    write_fasta(output_dir / "circrnas.chr21.fa", circrnas, chromosome)
    write_fasta(output_dir / "lncrnas.chr21.fa", lncrnas, chromosome)


def main(argv: list[str] | None = None) -> int:
    """Run the script; returns the exit code, 2 for bad input."""
    parser = argparse.ArgumentParser(
        description="Rebuild the demo's FASTA files from CIRCexplorer's source distribution."
    )
    parser.add_argument("--sdist", type=Path, help=f"{SDIST_NAME} (default: fetched with pip)")
    parser.add_argument(
        "--output-dir",
        type=Path,
        default=Path(__file__).parent,
        help="folder of the FASTA files (default: that of this script)",
    )
    parser.add_argument("--keep", type=Path, help="folder to keep the fetched distribution in")
    args = parser.parse_args(argv)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    try:
        with tempfile.TemporaryDirectory() as folder:
            rebuild(args.sdist or fetch_sdist(args.keep or Path(folder)), args.output_dir)
    except InputError as error:
        print(f"rebuild.py: error: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
