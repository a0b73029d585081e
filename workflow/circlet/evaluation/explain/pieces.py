"""What is explained of some of the calls: kept exactly, joined, and told together.

A piece is a folder with the tables and pictures of its calls, as they are in the whole, and what is
told of all calls together in files of its own, which lose no digit.
"""

import itertools
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from circlet.errors import InputError
from circlet.evaluation.explain.motif_figures import save_global
from circlet.evaluation.explain.motifs import Read, kmer_table, position_table
from circlet.evaluation.explain.sanity import SANITY_COLUMNS, judge
from circlet.files import atomic_path, read_json, read_table, write_json, write_table
from circlet.shards import Shard
from circlet.tables import EXPLANATION_COLUMNS

# The files of a piece that the whole has not; the last is written last.
INDEX, SANITY, SAMPLE, ABOUT = OWN_FILES = (
    "index.parquet",
    "sanity.parquet",
    "sample.parquet",
    "piece.json",
)

log = logging.getLogger(__name__)


class Piece(NamedTuple):
    """What is explained, beside the tables and pictures of single calls.

    Attributes:
        calls: With `EXPLANATION_COLUMNS`, one row each.
        sanity: With `SANITY_COLUMNS`, likewise.
        reads: Transcripts of the sample.
    """

    calls: pd.DataFrame
    sanity: pd.DataFrame
    reads: list[Read]


def write_together(piece: Piece, folder: Path) -> None:
    """Write the tables and the picture of all calls together to a folder; the index last."""
    kmers, positions = kmer_table(piece.reads), position_table(piece.reads)
    write_table(folder / "kmers.tsv", kmers)
    write_table(folder / "positions.tsv", positions)
    title = f"What calls rest on: {len(piece.reads):,} transcripts"
    save_global(kmers, positions, title, folder)
    if len(piece.sanity):
        write_table(folder / "sanity.tsv", piece.sanity)
        judge(piece.sanity)
    write_table(folder / "index.tsv", piece.calls)
    error = piece.calls["error"].abs().max() if len(piece.calls) else 0.0
    log.info(
        "explained %d transcripts, and %d together; what is attributed is off by %.2g at the most",
        len(piece.calls),
        len(piece.reads),
        error,
    )


def save_piece(piece: Piece, shard: Shard, folder: Path) -> None:
    """Write what `load_pieces` reads beside the tables and pictures of a piece's calls."""
    write_table(folder / INDEX, piece.calls)
    write_table(folder / SANITY, piece.sanity)
    columns = list(zip(*piece.reads, strict=True)) or [()] * len(Read._fields)
    sample = pd.DataFrame(dict(zip(Read._fields, columns, strict=True)))
    write_table(folder / SAMPLE, sample)
    write_json(folder / ABOUT, shard._asdict())


def load_pieces(folders: Sequence[Path]) -> Piece:
    """Read all pieces, in their order, as the whole.

    Raises:
        InputError: A folder is no piece, or they are not all pieces of the whole in their order.
    """
    for number, folder in enumerate(folders, start=1):
        found, wanted = read_json(folder / ABOUT), Shard(number, len(folders))
        if found != wanted._asdict():
            raise InputError(
                folder / ABOUT,
                f"is not of piece {wanted.number}/{wanted.count}",
                "give all pieces of one explanation, in their order",
            )
    samples = [read_table(folder / SAMPLE, Read._fields) for folder in folders]
    rows = (sample[list(Read._fields)].itertuples(index=False, name=None) for sample in samples)
    return Piece(
        _stacked([read_table(folder / INDEX, EXPLANATION_COLUMNS) for folder in folders]),
        _stacked([read_table(folder / SANITY, SANITY_COLUMNS) for folder in folders]),
        list(itertools.starmap(Read, itertools.chain(*rows))),
    )


def _stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put tables under each other; types are those of all rows, as an empty one has none."""
    rows = [row for table in tables for row in table.to_dict("records")]
    return pd.DataFrame(rows, columns=tables[0].columns)


def copy_calls(pieces: Sequence[Path], folder: Path) -> None:
    """Copy the tables and pictures of the calls of all pieces to a folder."""
    for path in (path for piece in pieces for path in sorted(piece.iterdir())):
        if path.name not in OWN_FILES:
            with atomic_path(folder / path.name) as temporary:
                shutil.copyfile(path, temporary)
