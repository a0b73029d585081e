"""Linear transcripts with their exons, and the runs of consecutive internal exons cut from them.

Within a transcript, exons are counted from 0 in ascending genomic order, as the exon lists have
them; the sequence of a transcript on `-` begins with the last of them.
"""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from circlet.data.genome import exons_of
from circlet.data.records import Record
from circlet.data.sources.bed12 import parse_row, read_rows
from circlet.data.sources.fasta import read_identified
from circlet.errors import InputError
from circlet.tables import LINEAR_EXONS

CODING = "protein_coding"

_ACGT = re.compile("[ACGT]+")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Transcript:
    """A spliced transcript.

    Attributes:
        record: Its sequence, place, names and types.
        starts: Position of each exon on the chromosome, int64 (exons,).
        lengths: Length of each exon in nt, int64 (exons,); they sum to the sequence's.
    """

    record: Record
    starts: np.ndarray
    lengths: np.ndarray


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of consecutive exons, one an element of each array.

    Attributes:
        transcript: Index of the transcript.
        first: Index of the run's first exon in genomic order.
        count: Number of exons.
        length: Their summed length in nt.
    """

    transcript: np.ndarray
    first: np.ndarray
    count: np.ndarray
    length: np.ndarray


def read_with_bed12(fasta: str | Path, bed: str | Path) -> Iterator[Record]:
    """Read transcripts whose exons stand in a BED12 file under the same names.

    Those that only one of the files has are left out and counted in the log.

    Args:
        fasta: Spliced, sense-strand sequences, plain or gzip.
        bed: Places and exons, plain or gzip; further columns are passed over.

    Raises:
        InputError: A file cannot be read, a line is malformed, a name stands twice in a file, or
            no sequence is in the BED file.
    """
    places = read_bed12(bed)
    absent = joined = 0
    for name, _, sequence in read_identified(fasta):
        if name in places:
            joined += 1
            yield replace(places[name], sequence=sequence)
        else:
            absent += 1
    if not joined:
        raise InputError(fasta, f"no sequence has a line in {bed}", "give files of the same names")
    if absent:
        log.warning("%s: %d sequences are not in %s, left out", fasta, absent, bed)
    if joined < len(places):
        log.warning("%s: %d lines have no sequence in %s", bed, len(places) - joined, fasta)


def read_bed12(bed: str | Path) -> dict[str, Record]:
    """Read the places and exons of a BED12 file as records without sequence, by name.

    Raises:
        InputError: The file cannot be read or is empty, or a line is malformed or repeats a name.
    """
    records: dict[str, Record] = {}
    for number, fields in read_rows(bed):
        try:
            record = parse_row(fields)
            if record.id in records:
                raise ValueError(f"the name {record.id} occurs again")
        except ValueError as error:
            raise InputError(
                bed, str(error), "give one BED12 line a transcript", f"line {number}"
            ) from None
        records[record.id] = record
    if not records:
        raise InputError(bed, "has no line", "give a BED12 file of transcripts")
    return records


def with_exons(record: Record) -> Transcript | None:
    """Give a record its exons as arrays; None if it has none or they contradict its sequence."""
    exons = np.array(exons_of(record), dtype=np.int64).reshape(-1, 2)
    starts, lengths = exons[:, 0], exons[:, 1] - exons[:, 0]
    return Transcript(record, starts, lengths) if lengths.sum() == len(record.sequence) else None


def is_acgt(sequence: str) -> bool:
    """Whether a sequence, in upper-case DNA, has the four unambiguous bases alone."""
    return _ACGT.fullmatch(sequence) is not None


def as_dna(sequence: str) -> str:
    """Write a sequence in upper-case DNA (U read as T)."""
    return sequence.upper().replace("U", "T")


def enumerate_runs(
    transcripts: Sequence[Transcript],
    is_wanted: Callable[[int, np.ndarray], np.ndarray],
    longest: int,
) -> Runs:
    """Find the runs of internal exons: never the first or the last exon of their transcript.

    Of runs with the same exons, which isoforms share, only the first is given; runs with a base
    other than ACGT are left out. Time and memory grow with the number of runs.

    Args:
        transcripts: The transcripts.
        is_wanted: Says of runs with a number of exons and int64 (n,) lengths which to give, bool.
        longest: Largest number of exons in a run.
    """
    exons = _internal_exons(transcripts)
    size, owner, length = len(exons), *(exons[name].to_numpy() for name in ("owner", "length"))
    names = exons.groupby(["chrom", "strand", "start", "length"], sort=False).ngroup().to_numpy()
    summed = np.concatenate(([0], np.cumsum(length)))
    unclear = np.concatenate(([0], np.cumsum(exons["is_unclear"].to_numpy())))
    ends = np.searchsorted(owner, owner, side="right")  # where each exon's transcript ends
    begins, same, found = np.arange(size), names.copy(), []
    for count in range(1, longest + 1):
        begins = begins[begins + count <= ends[begins]]
        if count > 1:
            # Two runs are the same if they are so up to the last exon, and in the last exon.
            same[begins] = pd.factorize(same[begins] * size + names[begins + count - 1])[0]
        is_clear = unclear[begins + count] == unclear[begins]
        wanted = is_clear & is_wanted(count, summed[begins + count] - summed[begins])
        kept = begins[wanted]
        kept = kept[~pd.Series(same[kept]).duplicated().to_numpy()]
        found.append(np.stack([kept, np.full(len(kept), count)]))
    kept, counts = np.concatenate([np.empty((2, 0), dtype=np.int64), *found], axis=1)
    return Runs(
        transcript=owner[kept],
        first=exons["place"].to_numpy()[kept],
        count=counts,
        length=summed[kept + counts] - summed[kept],
    )


def _internal_exons(transcripts: Sequence[Transcript]) -> pd.DataFrame:
    """List the internal exons: `owner` and `place` in it, chromosome, strand, start and length.

    `is_unclear` tells that an exon has a base other than ACGT.
    """
    sizes = [max(len(transcript.lengths) - 2, 0) for transcript in transcripts]
    places = [np.arange(1, size + 1) for size in sizes]
    none = np.empty(0, dtype=np.int64)
    columns: dict[str, np.ndarray] = {
        "owner": np.repeat(np.arange(len(transcripts)), sizes),
        "place": np.concatenate([none, *places]),
        "start": np.concatenate([none, *(transcript.starts[1:-1] for transcript in transcripts)]),
        "length": np.concatenate([none, *(transcript.lengths[1:-1] for transcript in transcripts)]),
        "is_unclear": np.array(
            [flag for transcript in transcripts for flag in _unclear_exons(transcript)], dtype=bool
        ),
    }
    for name in ("chrom", "strand"):
        words = pd.factorize(np.array([getattr(t.record, name) for t in transcripts], object))[0]
        columns[name] = np.repeat(words, sizes)
    return pd.DataFrame(columns)


def _unclear_exons(transcript: Transcript) -> list[bool]:
    """Tell which internal exons have a base other than ACGT."""
    inner = range(1, len(transcript.lengths) - 1)
    if is_acgt(as_dna(transcript.record.sequence)):
        return [False] * len(inner)
    return [not is_acgt(as_dna(cut_sequence(transcript, place, 1))) for place in inner]


def cut_sequence(transcript: Transcript, first: int, count: int) -> str:
    """Cut the sequence of a run out of that of its transcript."""
    before = int(transcript.lengths[:first].sum())
    length = int(transcript.lengths[first : first + count].sum())
    sequence, is_forward = transcript.record.sequence, transcript.record.strand == "+"
    begin = before if is_forward else len(sequence) - before - length
    return sequence[begin : begin + length]


def cut_run(transcript: Transcript, first: int, count: int) -> Record:
    """Make a record of a run of exons.

    Its id, `{transcript}:exons{a}-{b}`, counts the exons from 1 in the transcript's own order.

    Args:
        transcript: The transcript.
        first: Index of the run's first exon in genomic order.
        count: Number of exons.
    """
    host, exons = transcript.record, slice(first, first + count)
    starts, lengths = transcript.starts[exons], transcript.lengths[exons]
    ahead = first if host.strand == "+" else len(transcript.lengths) - first - count
    return Record(
        id=f"{host.id}:exons{ahead + 1}-{ahead + count}",
        sequence=cut_sequence(transcript, first, count),
        chrom=host.chrom,
        start=int(starts[0]),
        end=int(starts[-1] + lengths[-1]),
        strand=host.strand,
        gene=host.gene,
        gene_id=host.gene_id,
        biotype=LINEAR_EXONS,
        exon_count=count,
        exon_lengths=",".join(map(str, lengths)),
        exon_offsets=",".join(map(str, starts - starts[0])),
        gene_type=CODING,
    )
