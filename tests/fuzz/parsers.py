"""The parsers of the data wing, each by itself: what it reads, and what must hold of that."""

import gzip
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import parser_inputs as made

from circlet.data.exon_runs import read_with_bed12
from circlet.data.external import read_set
from circlet.data.genome import exons_of
from circlet.data.hard_negatives import read_circrnas
from circlet.data.records import Entry, Record, records_to_table
from circlet.data.sources import bed12, circbase, circrnadb, ciriquant, fasta, gencode
from circlet.data.sources.sequences import read_sequences
from circlet.files import write_table

Files = dict[str, bytes]
MOST = 10**18


class FaultError(AssertionError):
    """What must hold does not."""


def require(holds: bool, problem: str) -> None:
    """Raise a fault unless something holds."""
    if not holds:
        raise FaultError(problem)


@dataclass(frozen=True)
class Parser:
    """A parser.

    Attributes:
        files: What it reads, as it should be.
        read: Gives what it reads of files in a folder.
        check: What must hold of that, with the files as they were given.
    """

    files: Files
    read: Callable[[Path], Any]
    check: Callable[[Any, Files], None]


def plain(content: bytes) -> str:
    """The text of a file that was read, by other means; U+FFFD for what is no text."""
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    text = content.decode("utf-8", "replace").removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def naive_fasta(content: bytes) -> list[tuple[str, str]]:
    """Headers and sequences, by other means."""
    found: list[list[str]] = []
    for line in plain(content).lstrip().split("\n"):
        if line.startswith(">"):
            found.append([line[1:].strip(), ""])
        else:
            found[-1][1] += "".join(line.split())
    return [(title, sequence) for title, sequence in found]


def check_id(name: str) -> None:
    """An id is one word or more, that can be printed."""
    require(name != "" and name.isprintable() and name == name.strip(), f"id {name!r}")


def check_record(record: Record) -> None:
    """What holds of every record."""
    check_id(record.id)
    sequence, start, end = record.sequence, record.start, record.end
    require(sequence != "" and not re.search(r"[\s>\0]", sequence), f"sequence {sequence!r:.80}")
    require(record.strand in (None, "+", "-"), f"strand {record.strand!r}")
    for position in (start, end):
        require(position is None or 0 <= position < MOST, f"position {position}")
    require(start is None or end is None or start < end, f"place {start} to {end}")
    chrom = record.chrom
    require(chrom is None or (chrom != "" and chrom.isprintable()), f"contig {chrom!r}")
    for text in (record.exon_lengths, record.exon_offsets):
        if text is not None:
            numbers = text.split(",")
            require(all(re.fullmatch("[0-9]{1,18}", each) for each in numbers), f"list {text!r}")
            require(len(numbers) == record.exon_count, f"{record.exon_count} exons, {text!r}")


def check_exons(record: Record) -> None:
    """Exons follow each other, and fill the place of their record."""
    exons = exons_of(record)
    if exons:
        ends = [position for exon in exons for position in exon]
        require(ends == sorted(ends) and len(set(exons)) == len(exons), f"exons {exons}")
        require(
            (ends[0], ends[-1]) == (record.start, record.end), f"exons {exons} of {record.place}"
        )


def check_table(records: Sequence[Record]) -> None:
    """Records of a source make a table, each with its own id."""
    for record in records:
        check_record(record)
    require(len({record.id for record in records}) == len(records), "an id stands twice")
    table = records_to_table(records, "s", "circRNA", "hg19")
    require(len(table) == len(records) > 0, "rows")


def check_bases(records: Sequence[Record], content: bytes, mark: str | None = None) -> None:
    """Ids and sequences are those of a FASTA file, none left out."""
    check_table(records)
    words = [(title.split()[0], sequence) for title, sequence in naive_fasta(content)]
    told = [(name.split(mark)[0] if mark else name, sequence) for name, sequence in words]
    require([(r.id, r.sequence) for r in records] == told, "other records than in the file")


def check_spliced(records: Sequence[Record], files: Files) -> None:
    """Sequences are those of the genome, where that is as it should be."""
    check_table(records)
    for record in records:
        check_exons(record)
        length = sum(end - start for start, end in exons_of(record))
        require(length == len(record.sequence), "another length than that of its exons")
        if files["genome"] == made.genome():
            chrom, *_, strand = record.place
            found = made.spliced(chrom, strand, exons_of(record))
            require(found == record.sequence, "another sequence than the genome's")


def check_gencode(records: Sequence[Record], files: Files) -> None:
    check_bases(records, files["fasta"], "|")
    for record in records:
        check_exons(record)


def check_linear(records: Sequence[Record], files: Files) -> None:
    check_table(records)
    told = {title.split()[0]: sequence for title, sequence in naive_fasta(files["fasta"])}
    for record in records:
        check_exons(record)
        require(told[record.id] == record.sequence, "another sequence than in the file")


def check_entries(entries: Sequence[Entry], files: Files) -> None:
    require(len(entries) > 0, "no entry")
    for entry in entries:
        check_id(entry.id)
        require(entry.length == len(entry.sequence), "length")
        require(not re.search(r"\s|\0", entry.sequence), f"sequence {entry.sequence!r:.80}")
    if "fasta" in files:
        told = [(title.split()[0], sequence) for title, sequence in naive_fasta(files["fasta"])]
        require([(e.id, e.sequence) for e in entries] == told, "other records than in the file")
    is_of_places = not files.get("bed", b"").lstrip().removeprefix(b"track").count(b">")
    if files.get("genome") == made.genome() and is_of_places:
        alphabet = set("".join(made.GENOME.values()))
        require(all(set(e.sequence) <= alphabet for e in entries), "letters of no genome")


def check_set(table: pd.DataFrame, files: Files) -> None:
    require(table["id"].is_unique and set(table["label"]) == {"circRNA", "lncRNA"}, "rows")
    require(bool(table["sequence"].str.fullmatch("[ACGT]{20,}").all()), "letters")
    for name in table["id"]:
        check_id(name)


def check_positives(table: pd.DataFrame, files: Files) -> None:
    require(len(table) > 0 and set(table["label"]) == {"circRNA"}, "rows")


def _archive(folder: Path) -> list[Record]:
    """Read circRNADb's archive of members that lie in a folder."""
    members = ((folder / name).read_bytes() for name in ("table", "sequences"))
    (folder / "archive").write_bytes(made.circrnadb(*members))
    return list(circrnadb.read(folder / "archive"))


def check_archive(records: Sequence[Record], files: Files) -> None:
    check_table(records)
    told = {title.split()[0].split("|")[0]: s for title, s in naive_fasta(files["sequences"])}
    require(all(told[record.id] == record.sequence for record in records), "other sequences")


def _positives(folder: Path) -> pd.DataFrame:
    return read_circrnas([folder / "positives.tsv"], "hg19")


def _table() -> bytes:
    """The records of a source as a table of text."""
    records = [Record(t.id, t.sequence, t.chrom, *t.place, t.strand) for t in made.CIRCULAR]
    with tempfile.TemporaryDirectory() as folder:
        write_table(f"{folder}/x.tsv", records_to_table(records, "s", "circRNA", "hg19"))
        return Path(f"{folder}/x.tsv").read_bytes()


def _sequences(name: str, has_genome: bool = False) -> Callable[[Path], list[Entry]]:
    return lambda at: list(read_sequences(at / name, at / "genome" if has_genome else None))


GENOME = {"genome": made.genome()}
PARSERS = {
    "fasta": Parser(
        {"fasta": made.own_fasta()},
        lambda at: list(fasta.read_transcripts(at / "fasta")),
        lambda found, files: check_bases(found, files["fasta"]),
    ),
    "circbase": Parser(
        {"fasta": made.circbase()},
        lambda at: list(circbase.read(at / "fasta")),
        lambda found, files: check_bases(found, files["fasta"], "|"),
    ),
    "circrnadb": Parser(
        {"table": made.circrnadb_table(), "sequences": made.circrnadb_sequences()},
        _archive,
        check_archive,
    ),
    "gencode": Parser(
        {"fasta": made.gencode_fasta(), "gtf": made.gtf()},
        lambda at: list(gencode.read(at / "fasta", at / "gtf")),
        check_gencode,
    ),
    "bed12": Parser(
        {"bed": made.bed(), **GENOME},
        lambda at: list(bed12.read(at / "bed", at / "genome")),
        check_spliced,
    ),
    "bed6": Parser(
        {"bed": made.bed6(), **GENOME},
        lambda at: list(bed12.read(at / "bed", at / "genome")),
        check_spliced,
    ),
    "ciriquant": Parser(
        {"gtf": made.ciriquant(), "annotation": made.gtf(), **GENOME},
        lambda at: list(ciriquant.read(at / "gtf", at / "annotation", at / "genome")),
        check_spliced,
    ),
    "exon_runs": Parser(
        {
            "fasta": made.fasta({t.id: t.sequence for t in made.LINEAR}),
            "bed": made.bed(made.LINEAR),
        },
        lambda at: list(read_with_bed12(at / "fasta", at / "bed")),
        check_linear,
    ),
    "sequences_fasta": Parser({"fasta": made.own_fasta()}, _sequences("fasta"), check_entries),
    "sequences_fastq": Parser({"fastq": made.fastq()}, _sequences("fastq"), check_entries),
    "sequences_bed": Parser({"bed": made.bed(), **GENOME}, _sequences("bed", True), check_entries),
    "sequences_gtf": Parser({"gtf": made.gtf(), **GENOME}, _sequences("gtf", True), check_entries),
    "external": Parser(
        {"circrna": made.own_fasta(), "lncrna": made.gencode_fasta()},
        lambda at: read_set("mine", {"lncRNA": at / "lncrna", "circRNA": at / "circrna"}, 20),
        check_set,
    ),
    "positives": Parser({"positives.tsv": _table()}, _positives, check_positives),
}
