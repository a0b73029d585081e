"""Step `circlet linear-exons`: hard negatives, runs of internal exons of linear coding transcripts.

circRNAs are mostly exons of mRNAs, other lncRNAs are not: to tell coding from non-coding exons is
to pass for a finder of circRNAs. A hard negative is made of coding exons as well, matches a circRNA
in length and exon number, and comes from a gene and place without one. The first and the last exon
of a transcript never form part of it, as they hardly ever do of a circRNA.
"""

import argparse
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from circlet.arguments import seed
from circlet.data.exon_matching import CALIPER, Stock, match_runs
from circlet.data.exon_runs import (
    CODING,
    Runs,
    Transcript,
    as_dna,
    cut_run,
    enumerate_runs,
    is_acgt,
    read_with_bed12,
    with_exons,
)
from circlet.data.intervals import components, on_one_line, overlaps_any
from circlet.data.records import Record, records_to_table
from circlet.data.sources import gencode
from circlet.errors import InputError
from circlet.files import read_table, write_table
from circlet.progress import track
from circlet.tables import NEGATIVE, POSITIVE, TRANSCRIPT_COLUMNS

log = logging.getLogger(__name__)

# Another copy of a region of the main chromosomes: a circRNA of that gene has its place there.
_ALTERNATIVE = re.compile(r"_(?:hap[0-9]+|alt|fix)$")


def read_circrnas(paths: Sequence[str | Path], assembly: str) -> pd.DataFrame:
    """Read the circRNAs of the tables made by `circlet parse`, in upper-case DNA.

    Args:
        paths: The tables; rows of another label are passed over.
        assembly: Genome assembly that their places must refer to.

    Raises:
        InputError: A table cannot be read or lacks an id or sequence, places refer to another
            assembly, or there is no circRNA.
    """
    tables = []
    for path in paths:
        table = read_table(path, TRANSCRIPT_COLUMNS)
        table = table[table["label"] == POSITIVE]
        if not all(isinstance(value, str) for key in ("id", "sequence") for value in table[key]):
            raise InputError(path, "has a row without id or sequence", "make the file again")
        others = table[table["chrom"].notna() & ~table["assembly"].isin([assembly])]
        if len(others):
            other = others.iloc[0]
            found = "an unstated assembly" if pd.isna(other["assembly"]) else other["assembly"]
            raise InputError(
                path,
                f"lies on {found}, the linear transcripts on {assembly}",
                "take both of one assembly",
                other["id"],
            )
        tables.append(table)
    circrnas = pd.concat(tables, ignore_index=True)
    if not len(circrnas):
        raise InputError(" and ".join(map(str, paths)), "no circRNA", "give tables of circRNAs")
    hidden = int(circrnas["chrom"].isna().sum())
    if hidden:
        log.warning("%d circRNAs tell no place: what lies there may be cut from", hidden)
    return circrnas.assign(sequence=circrnas["sequence"].map(as_dna))


def select_wanted(circrnas: pd.DataFrame, min_length: int) -> pd.DataFrame:
    """Choose the circRNAs that runs are matched to: `exon_count` (maybe missing) and `length`.

    Each sequence is taken once, with its number of exons if one of its records tells it, or if it
    is as long as its place and so a single exon.

    Args:
        circrnas: Records with `TRANSCRIPT_COLUMNS`, in upper-case DNA.
        min_length: Shortest sequence taken, in nt.

    Raises:
        InputError: None is long enough and has the four bases alone.
    """
    length = circrnas["sequence"].str.len().astype("int64")
    wanted = circrnas.assign(length=length)[
        (length >= min_length) & circrnas["sequence"].map(is_acgt).astype(bool)
    ]
    if not len(wanted):
        raise InputError(
            "--positives",
            f"no circRNA has {min_length} nt and ACGT alone",
            "lower --min-length or give other tables",
        )
    is_single = (wanted["end"] - wanted["start"] == wanted["length"]).fillna(False)
    exon_count = wanted["exon_count"].mask(is_single & wanted["exon_count"].isna(), 1)
    wanted = wanted.assign(exon_count=exon_count)
    known_first = wanted.iloc[np.argsort(wanted["exon_count"].isna().to_numpy(), kind="stable")]
    once = known_first.drop_duplicates("sequence").sort_index()
    return once[["exon_count", "length"]].reset_index(drop=True)


def usable_transcripts(
    records: Iterable[Record], circrnas: pd.DataFrame, where: str | Path
) -> list[Transcript]:
    """Keep the coding transcripts with internal exons whose gene and place bear no circRNA.

    The others are counted in the log. A place is a transcript's span on either strand.

    Args:
        records: Linear transcripts; one without a biotype is taken as coding.
        circrnas: Records with `TRANSCRIPT_COLUMNS` on the same assembly.
        where: What the records come from, for messages.

    Raises:
        InputError: Only one of the two sides names chromosomes with `chr`.
    """
    genes = {*circrnas["gene"].dropna(), *circrnas["gene_id"].dropna()}
    left_out: Counter[str] = Counter()
    kept = list(_pass_records(records, genes, left_out))
    places = pd.DataFrame(
        [(t.record.chrom, t.record.start, t.record.end) for t in kept],
        columns=["chrom", "start", "end"],
    )
    _check_styles(places["chrom"], circrnas["chrom"].dropna(), where)
    # One assembly and one strand for all: a circRNA on the other strand keeps a place as well.
    one_side = {"assembly": "", "strand": "+"}
    is_taken = overlaps_any(places.assign(**one_side), circrnas.assign(**one_side))
    left_out["place of a circRNA"] = int(is_taken.sum())
    for reason, count in left_out.items():
        log.info("%s: left out %s transcripts: %s", where, f"{count:,}", reason)
    return [transcript for transcript, taken in zip(kept, is_taken, strict=True) if not taken]


def _pass_records(
    records: Iterable[Record], genes: set[str], left_out: Counter[str]
) -> Iterator[Transcript]:
    """Yield the records fit for cutting whose gene has no circRNA; count the others by reason."""
    contradictory = 0
    for record in records:
        if record.biotype not in (None, CODING):
            left_out["not protein-coding"] += 1
        elif record.gene in genes or record.gene_id in genes:
            left_out["gene of a circRNA"] += 1
        elif _ALTERNATIVE.search(record.chrom or ""):
            left_out["alternative copy of a region"] += 1
        elif (transcript := with_exons(record)) is None:
            contradictory += 1
        elif len(transcript.lengths) < 3:
            left_out["no internal exon"] += 1
        else:
            yield transcript
    if contradictory:
        log.warning("left out %d transcripts whose exons contradict the sequence", contradictory)


def name_genes(transcripts: Sequence[Transcript]) -> None:
    """Name the gene of transcripts that do not tell it by the first transcript of their locus.

    BED12 knows no genes, but the runs of one must not be taken for those of several.
    """
    unnamed = [t.record for t in transcripts if t.record.gene is None and t.record.gene_id is None]
    if unnamed:
        places = pd.DataFrame(
            [("", r.chrom, r.strand, r.start, r.end) for r in unnamed],
            columns=["assembly", "chrom", "strand", "start", "end"],
        )
        (line,) = on_one_line(places)
        ids = pd.Series([record.id for record in unnamed])
        first = ids.groupby(components(*line)).transform("min")
        for record, gene_id in zip(unnamed, first, strict=True):
            record.gene_id = gene_id


def _check_styles(linear: pd.Series, circular: pd.Series, where: str | Path) -> None:
    """Refuse `chr1` on one side and `1` on the other, which would never meet.

    Raises:
        InputError: No chromosome is on both sides, and only one side begins their names with chr.
    """
    sides = [set(linear), set(circular)]
    if not all(sides) or sides[0] & sides[1]:
        return
    prefixed = [all(name.startswith("chr") for name in names) for names in sides]
    if prefixed[0] != prefixed[1]:
        raise InputError(
            where,
            f"its chromosomes are named like {min(sides[0])}, those of the circRNAs like "
            f"{min(sides[1])}",
            "name them alike",
        )


def find_candidates(
    transcripts: Sequence[Transcript], wanted: pd.DataFrame, min_length: int
) -> Runs:
    """Find the runs that could match a circRNA, so that their number stays bounded.

    Args:
        transcripts: Where to cut.
        wanted: See `select_wanted`.
        min_length: Shortest run, in nt.
    """
    logs = np.log(wanted["length"].to_numpy())
    counts = wanted["exon_count"].fillna(0).to_numpy(np.int64)  # 0 for any

    def is_near(count: int, lengths: np.ndarray) -> np.ndarray:
        targets = np.sort(logs[(counts == count) | (counts == 0)])
        own = np.log(lengths)
        above = np.searchsorted(targets, own - CALIPER, side="left")
        is_met: np.ndarray = np.searchsorted(targets, own + CALIPER, side="right") > above
        return is_met & (lengths >= min_length)

    most = max((len(transcript.lengths) for transcript in transcripts), default=0)
    return enumerate_runs(transcripts, is_near, most if (counts == 0).any() else counts.max())


def cut_negatives(transcripts: Sequence[Transcript], runs: Runs, pairs: np.ndarray) -> list[Record]:
    """Cut the matched runs, in the order of their ids. For `pairs` see `match_runs`."""
    records = (
        cut_run(transcripts[runs.transcript[run]], int(runs.first[run]), int(runs.count[run]))
        for run in pairs[:, 1]
    )
    return sorted(records, key=lambda record: record.id)


def log_matching(
    name: str, wanted: pd.DataFrame, runs: Runs, pairs: np.ndarray, per_circrna: int
) -> None:
    """Log how many circRNAs were matched, and the medians on both sides."""
    matches = np.bincount(pairs[:, 0], minlength=len(wanted))
    log.info(
        "%s: %s runs of %s candidates; of %s circRNAs %s are matched, %s with all %d",
        name,
        *(f"{count:,}" for count in (len(pairs), len(runs.length), len(wanted))),
        *(f"{(matches >= least).sum():,}" for least in (1, per_circrna)),
        per_circrna,
    )
    log.info(
        "%s: medians of length %g nt (circRNAs %g nt), of exon number %g (circRNAs %s)",
        name,
        np.median(runs.length[pairs[:, 1]]),
        wanted["length"].median(),
        np.median(runs.count[pairs[:, 1]]),
        wanted["exon_count"].median(),
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument(
        "--fasta", required=True, help="spliced sequences of linear coding transcripts"
    )
    exons = parser.add_mutually_exclusive_group(required=True)
    exons.add_argument("--bed", help="their exons, BED12 with the same names")
    exons.add_argument("--gtf", help="their exons, GENCODE's annotation of the same release")
    parser.add_argument(
        "--positives", nargs="+", required=True, help="tables of circRNAs made by circlet parse"
    )
    parser.add_argument("--source", required=True, metavar="NAME", help="the source's name")
    parser.add_argument(
        "--assembly", required=True, metavar="NAME", help="genome assembly of all places"
    )
    parser.add_argument("--min-length", type=int, default=200, help="shortest circRNA and run, nt")
    parser.add_argument("--per-circrna", type=int, default=1, help="most runs for each circRNA")
    parser.add_argument("--seed", type=seed, default=1, help="seed of the matching")
    parser.add_argument("--output", required=True, help="table of records to write")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    for name in ("min_length", "per_circrna"):
        if getattr(args, name) < 1:
            flag = f"--{name.replace('_', '-')}"
            raise InputError(flag, "is less than 1", "give a larger number")
    circrnas = read_circrnas(args.positives, args.assembly)
    wanted = select_wanted(circrnas, args.min_length)
    by_bed = args.bed is not None
    records = (
        read_with_bed12(args.fasta, args.bed) if by_bed else gencode.read(args.fasta, args.gtf)
    )
    records = track(records, f"reading {args.source}")
    transcripts = usable_transcripts(records, circrnas, args.fasta)
    name_genes(transcripts)
    runs = find_candidates(transcripts, wanted, args.min_length)
    stock = Stock(runs, transcripts, circrnas["sequence"])
    pairs = match_runs(wanted, runs, stock, args.per_circrna, args.seed)
    if not len(pairs):
        raise InputError(
            args.fasta,
            "no run of internal exons matches a circRNA in length and exon number",
            "give more coding transcripts, of genes and places without a circRNA",
        )
    log_matching(args.source, wanted, runs, pairs, args.per_circrna)
    negatives = cut_negatives(transcripts, runs, pairs)
    write_table(args.output, records_to_table(negatives, args.source, NEGATIVE, args.assembly))
