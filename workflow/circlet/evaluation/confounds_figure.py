"""A figure of what single descriptors score, drawn from the table of `circlet confounds`."""

import argparse
import logging
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from circlet.drawing import COLOURS, KIND_STYLES, save, style
from circlet.errors import InputError
from circlet.evaluation.row_plot import (
    Block,
    blocks_by,
    draw_points,
    height_of,
    lay_out,
    limits,
    new_figure,
    place,
    width_of,
    write_headings,
)
from circlet.files import read_table
from circlet.tables import CONFOUND_COLUMNS, HARD, HARD_TAUGHT, LOW_STOP_FREE, MATCHED

HEADINGS = {
    "length": "Length",
    "gc": "GC content",
    "stop_free_linear": "Stop-free fraction, linear",
    "stop_free_ring": "Stop-free fraction, ring",
    "coding_potential": "Coding potential (Fickett)",
    "soft_masked": "Repeats (soft-masked)",
    "first_bases": "First 4 bases",
    "last_bases": "Last 4 bases",
    "boosting": "All 16 descriptors, boosting",
}
TEST_SETS = {
    "test": "test part",
    MATCHED: "matched in length\nand stop-free stretch",
    LOW_STOP_FREE: "below .5 stop-free",
    HARD: "hard negatives,\ntaught on lncRNAs",
    HARD_TAUGHT: "hard negatives,\ntaught on those",
}
CHANCE = 0.5
PANEL, BETWEEN = 1.75, 0.3  # inches

log = logging.getLogger(__name__)


def read_confounds(path: Path) -> pd.DataFrame:
    """Read what descriptors score, its limits named as `row_plot` asks for.

    Raises:
        InputError: It is not the table that `circlet confounds` writes, or is empty.
    """
    table = read_table(path, CONFOUND_COLUMNS)[list(CONFOUND_COLUMNS)]
    mend = "make it again with 'circlet confounds'"
    if table.empty:
        raise InputError(path, "the table has no rows", mend)
    try:
        table = table.astype(dict.fromkeys(("auroc", "low", "high"), "float"))
    except ValueError as error:
        raise InputError(path, f"a score is not a number ({error})", mend) from None
    return table.rename(columns={"low": "auroc_low", "high": "auroc_high"})


def blocks_of(confounds: pd.DataFrame) -> list[Block]:
    """Divide the rows by descriptor, a row a split, both in the table's order."""
    schemes = confounds[["descriptor", "scheme"]].drop_duplicates()
    return blocks_by(schemes, "descriptor", HEADINGS)


def draw(confounds: pd.DataFrame) -> Figure:
    """Draw a panel a test set, a block a descriptor and a row a split.

    Args:
        confounds: See `read_confounds`.
    """
    blocks = blocks_of(confounds)
    labels = [block.rows["scheme"].tolist() for block in blocks]
    names = width_of(label for block in labels for label in block)
    # The headings stand above the names: they, too, must fit.
    names = max(names, 0.3 + width_of(block.heading for block in blocks))
    test_sets = confounds["test_set"].unique()
    low, high = limits(confounds.filter(like="auroc").to_numpy(float).ravel())
    with style():
        widths = (names, *(PANEL, BETWEEN) * len(test_sets))
        figure, panels = new_figure(height_of(blocks), widths, share=True)
        for axes, test_set in zip(panels, test_sets, strict=True):
            lay_out(axes, blocks, labels, height_of(blocks))
            # The title stands where the axis would be told a second time.
            axes.tick_params(axis="x", top=False, labeltop=False)
            axes.set(xlim=(min(low, 0.4), high), xlabel="AUROC (dashed: chance)")
            axes.set_title(TEST_SETS.get(test_set, test_set), parse_math=False, size=8)
            axes.axvline(CHANCE, color=COLOURS["reference"], ls="--", lw=1)
            scored = confounds[confounds["test_set"] == test_set]
            for block, (_, places) in zip(blocks, place(blocks), strict=True):
                rows = block.rows.merge(scored, on=["descriptor", "scheme"], how="left")
                colour, marker = KIND_STYLES["baseline"]
                draw_points(axes, rows, "auroc", np.asarray(places), colour, marker)
        write_headings(panels[0], blocks, names)
    return figure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--confounds", type=Path, required=True, help="table of what descriptors score")
    add("--output-dir", type=Path, required=True, help="folder to write to")


def run(args: argparse.Namespace) -> None:
    """Draw what single descriptors score under each split."""
    confounds = read_confounds(args.confounds)
    save(draw(confounds), args.output_dir, "confounds")
    log.info("%d scores of %d descriptors", len(confounds), confounds["descriptor"].nunique())
