"""A figure of the scores by stratum, drawn from the table that `circlet strata` writes."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circlet.drawing import COLOURS, KIND_STYLES, save, style
from circlet.errors import InputError
from circlet.evaluation.row_plot import (
    GAP,
    Block,
    blocks_by,
    draw_points,
    height_of,
    in_words,
    lay_out,
    limits,
    new_figure,
    place,
    width_of,
    write,
    write_headings,
)
from circlet.files import read_table
from circlet.tables import STRATUM_COLUMNS

METRIC, CHANCE = "auroc", 0.5
ALL = "all"  # the description of the row of all transcripts
HEADINGS = {
    ALL: "All transcripts",
    "length": "Length, nt",
    "stop_free": "Longest stop-free stretch / length",
    "gc": "GC content, fraction of bases",
    "exon_count": "Number of exons",
    "biotype": "Biotype (of one class: against all of the other)",
    "chrom": "Chromosome",
    "source": "Source (of one class: against all of the other)",
    "same_gene": "A training sequence of the same gene",
    "overlapping_locus": "A training sequence at the same locus",
    "shared_splice_site": "A training sequence with the same splice site",
    "shared_31mer": "A training sequence with a 31-mer in common",
    "identity_80": "A training sequence of 80 % identity",
}
ONE_COLUMN = 34  # rows up to which one column holds all
PANEL, NUMBERS = 2.1, 2.75  # inches
COUNTS = 104  # points from the panel to the counts

log = logging.getLogger(__name__)


def read_strata(path: Path) -> pd.DataFrame:
    """Read the strata of a run.

    Raises:
        InputError: It is not the table that `circlet strata` writes, or lacks the row of all.
    """
    mend = "make it again with 'circlet strata'"
    table = read_table(path, STRATUM_COLUMNS)[list(STRATUM_COLUMNS)]
    texts = ["name", "scheme", "part", "description", "stratum"]
    try:
        numbers = table.columns.difference(texts)
        table = table.astype(dict.fromkeys(texts, "str") | dict.fromkeys(numbers, "float"))
    except ValueError as error:
        raise InputError(path, f"a score is not a number ({error})", mend) from None
    if (table["description"] == ALL).sum() != 1:
        raise InputError(path, f"not one row of the description '{ALL}'", mend)
    return table


def blocks_of(strata: pd.DataFrame) -> list[Block]:
    """Divide the strata by description, in the table's order."""
    return blocks_by(strata, "description", HEADINGS)


def columns_of(blocks: Sequence[Block]) -> list[list[Block]]:
    """Divide blocks into one column or, where they are many, two of about the same height.

    The order stays, so that the first column is read down before the second.
    """
    if height_of(blocks) <= ONE_COLUMN:
        return [list(blocks)]
    cuts = range(1, len(blocks))
    if not cuts:
        return [list(blocks)]
    cut = min(cuts, key=lambda cut: max(height_of(blocks[:cut]), height_of(blocks[cut:])))
    return [list(blocks[:cut]), list(blocks[cut:])]


def draw(strata: pd.DataFrame) -> Figure:
    """Draw the AUROC of each stratum with its interval, and how many of each class are in it.

    Args:
        strata: See `read_strata`. Strata without a score have their counts alone.
    """
    columns = columns_of(blocks_of(strata))
    rows = max(map(height_of, columns))
    names = width_of(strata["stratum"])
    lowest, highest = limits(strata.filter(regex=f"^{METRIC}").to_numpy(float).ravel())
    whole = strata[strata["description"] == ALL].iloc[0]
    with style():
        figure, panels = new_figure(rows, _widths(names, len(columns)), share=False)
        for axes, blocks in zip(panels, columns, strict=True):
            lay_out(axes, blocks, [block.rows["stratum"].tolist() for block in blocks], rows)
            axes.set(xlim=(lowest, highest), xlabel="AUROC")
            _draw_reference(axes, whole, lowest)
            for block, (_, places) in zip(blocks, place(blocks), strict=True):
                _draw_block(axes, block.rows, places)
            write(axes, 1, -GAP, "AUROC [interval]", weight="bold")
            write(axes, 1, -GAP, "circRNAs / others", weight="bold", shift=COUNTS)
            write_headings(axes, blocks, names)
        title = "{name}: AUROC by stratum, {part} part, split {scheme}".format(**whole)
        # Names come from the user's config: a dollar sign in one is no formula.
        figure.text(
            0.1 / figure.get_figwidth(), 1, f"\n{title}", va="top", size=9, parse_math=False
        )
    return figure


def _widths(names: float, columns: int) -> tuple[float, ...]:
    """Inches of names, panel and numbers; between two columns the next one's names are added."""
    inner = (PANEL, NUMBERS + names) * (columns - 1)
    return (names, *inner, PANEL, NUMBERS)


def _draw_reference(axes: Axes, whole: pd.Series, lowest: float) -> None:
    """Draw the score of all transcripts, its interval as a band, and chance if it is in sight."""
    band = [whole[f"{METRIC}_{end}"] for end in ("low", "high")]
    if not np.isnan(band).any():
        axes.axvspan(*band, color=COLOURS["reference"], alpha=0.15, lw=0)
    if not np.isnan(whole[METRIC]):
        axes.axvline(whole[METRIC], color=COLOURS["reference"], lw=1)
        axes.set_xlabel("AUROC (line and band: all transcripts)")
    if lowest < CHANCE:
        axes.axvline(CHANCE, color=COLOURS["reference"], ls="--", lw=1)
        axes.set_xlabel("AUROC (line, band: all; dashed: chance)")


def _draw_block(axes: Axes, rows: pd.DataFrame, places: np.ndarray) -> None:
    """Draw the strata of one description, with their numbers beside them."""
    colour, marker = KIND_STYLES["run"]
    draw_points(axes, rows, METRIC, places, colour, marker)
    for row_place, (_, row) in zip(places, rows.iterrows(), strict=True):
        is_scored = not np.isnan(row[METRIC])
        shade = "#222222" if is_scored else COLOURS["reference"]
        score = in_words(row, METRIC) if is_scored else "too few to score"
        write(axes, 1, row_place, score, colour=shade)
        counts = f"{row['n_circrna']:,.0f} / {row['n_lncrna']:,.0f}"
        write(axes, 1, row_place, counts, shift=COUNTS, colour=shade)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--strata", type=Path, required=True, help="table of a run's strata")
    add("--output-dir", type=Path, required=True, help="folder to write to")


def run(args: argparse.Namespace) -> None:
    """Draw the scores of a run's strata."""
    strata = read_strata(args.strata)
    save(draw(strata), args.output_dir, "strata")
    scored = int(strata[METRIC].notna().sum())
    log.info("%d strata, %d of them with a score", len(strata), scored)
