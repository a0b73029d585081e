"""Step `circlet parse`: from one upstream's own files to a table of its transcripts."""

import argparse
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from circlet.data.records import Record, records_to_table
from circlet.data.sources import bed12, circbase, circrnadb, ciriquant, fasta, gencode
from circlet.errors import InputError
from circlet.files import write_table
from circlet.progress import track
from circlet.tables import LABELS

log = logging.getLogger(__name__)

FILES = ("archive", "fasta", "bed", "gtf", "annotation", "genome")

# Type of source: the function that reads it and the files it takes, in order.
READERS: dict[str, tuple[Callable[..., Iterator[Record]], tuple[str, ...]]] = {
    "circrnadb": (circrnadb.read, ("archive",)),
    "gencode": (gencode.read, ("fasta", "gtf")),
    "circbase": (circbase.read, ("fasta",)),
    "bed12": (bed12.read, ("bed", "genome")),
    "ciriquant": (ciriquant.read, ("gtf", "annotation", "genome")),
    "fasta": (fasta.read_transcripts, ("fasta",)),
}


def read_source(kind: str, files: dict[str, Path]) -> Iterator[Record]:
    """Read the records of one source.

    Args:
        kind: A key of `READERS`.
        files: The files given, by their names in `FILES`.

    Raises:
        InputError: A file that the source takes is not given, one that it does not take is, or
            a file is malformed.
    """
    reader, names = READERS[kind]
    for name in FILES:
        if (name in names) != (name in files):
            problem = "is required" if name in names else "is not used"
            wanted = " and ".join(f"--{taken}" for taken in names)
            raise InputError(f"--{name}", f"{problem} with --type {kind}", f"give {wanted}")
    return reader(*(files[name] for name in names))


def check_assembly(table: pd.DataFrame, source: str, assembly: str | None) -> None:
    """Check that an assembly is stated where transcripts have places.

    Raises:
        InputError: It is not.
    """
    if assembly is None and table["chrom"].notna().any():
        raise InputError(
            "--assembly",
            f"is not given, but transcripts of {source} have places",
            "state the assembly that their places refer to",
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the step's options."""
    parser.add_argument("--type", required=True, choices=READERS, help="kind of upstream")
    parser.add_argument("--archive", type=Path, metavar="ZIP", help="circRNADb's zip archive")
    parser.add_argument("--fasta", type=Path, metavar="FA", help="sequences, plain or gzip")
    parser.add_argument("--bed", type=Path, help="BED6 or BED12 of the transcripts")
    parser.add_argument(
        "--gtf", type=Path, help="annotation of the sequences, or CIRIquant's circRNAs"
    )
    parser.add_argument(
        "--annotation", type=Path, metavar="GTF", help="transcripts that tell circRNAs' exons"
    )
    parser.add_argument(
        "--genome", type=Path, metavar="FA", help="the assembly's contigs, plain, gzip or bgzip"
    )
    parser.add_argument("--source", required=True, metavar="NAME", help="the source's name")
    parser.add_argument("--label", required=True, choices=LABELS, help="what its transcripts are")
    parser.add_argument("--assembly", metavar="NAME", help="genome assembly of its positions")
    parser.add_argument("--output", required=True, type=Path, help="table of records to write")


def run(args: argparse.Namespace) -> None:
    """Parse one source into a table."""
    files = {name: getattr(args, name) for name in FILES if getattr(args, name) is not None}
    records = track(read_source(args.type, files), f"reading {args.source}")
    table = records_to_table(records, args.source, args.label, args.assembly)
    check_assembly(table, args.source, args.assembly)
    write_table(args.output, table)
    log.info(
        "%s: %d transcripts, %d nt", args.source, len(table), table["sequence"].str.len().sum()
    )
