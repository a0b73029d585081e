"""One figure of all scores: runs and baselines with their intervals, and what others published."""

import argparse
import logging
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from circlet.drawing import COLOURS, KIND_STYLES, save, style
from circlet.evaluation.comparison import read_comparison
from circlet.evaluation.literature import KINDS, PATH, read_literature
from circlet.evaluation.row_plot import (
    Block,
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
from circlet.files import write_table
from circlet.tables import SCHEMES
from circlet.words import heading, name_test_set

# Drawn, with what chance scores.
METRICS = {"auroc": ("AUROC", 0.5), "mcc": ("MCC", 0.0)}
PANEL_WIDTHS = (2.2, 1.5, 2.2, 2.15)  # inches: of each metric, of its numbers; last the accuracy
RUN, BASELINE = "run", "baseline"
KIND_WORDS = {
    RUN: "run",
    BASELINE: "baseline",
    "quoted": "published, quoted (no interval)",
    "rerun": "published model, run by us (no interval)",
}
LITERATURE = "literature"  # stands as the test set of what was published, each on its own
POINT_COLUMNS = (
    *("test_set", "part", "scheme", "name", "kind", "n_circrna", "n_lncrna"),
    *(f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high")),
    *("accuracy", "split", "test_size", "source", "doi", "note"),
)

log = logging.getLogger(__name__)


def scheme_order(scheme: str, schemes_of_runs: Collection[str]) -> tuple[bool, int, str]:
    """Key that sorts splits: those of runs first, then as the schemes are named everywhere."""
    base = scheme.split(".")[0]
    known = SCHEMES.index(base) if base in SCHEMES else len(SCHEMES)
    return scheme not in schemes_of_runs, known, scheme


def points_of(comparison: pd.DataFrame, literature: pd.DataFrame) -> pd.DataFrame:
    """Put in order what is drawn.

    Args:
        comparison: As `circlet compare` writes it.
        literature: As `read_literature` gives it.

    Returns:
        `POINT_COLUMNS`, a row a point: test sets in the comparison's order, in each the splits,
        those of the runs first, in each the best AUROC first; then the literature, best MCC first.
    """
    ours = comparison.copy()
    of_runs = set(ours["scheme"][ours["kind"] == RUN])
    test_sets = {name: place for place, name in enumerate(ours["test_set"].unique())}
    ours["set_place"] = ours["test_set"].map(test_sets)
    schemes = sorted(ours["scheme"].unique(), key=lambda name: scheme_order(name, of_runs))
    ours["scheme_place"] = ours["scheme"].map({name: place for place, name in enumerate(schemes)})
    ours = ours.sort_values(
        ["set_place", "scheme_place", "auroc", "mcc", "name"],
        ascending=[True, True, False, False, True],
    )
    theirs = literature.assign(test_set=LITERATURE, scheme=literature["split"])
    theirs = theirs.sort_values(["mcc", "accuracy"], ascending=False, na_position="last")
    points = pd.concat([ours, theirs], ignore_index=True)
    return points.reindex(columns=list(POINT_COLUMNS))


def blocks_of(points: pd.DataFrame) -> list[Block]:
    """Divide the points into a block a test set and split, and one of the literature."""
    points = points.assign(block_scheme=points["scheme"].where(points["test_set"] != LITERATURE))
    keys = ["test_set", "block_scheme"]
    blocks = []
    for (test_set, scheme), rows in points.groupby(keys, sort=False, dropna=False):
        if test_set == LITERATURE:
            said = "Published, each on a test set of its own: not comparable row by row"
        else:
            name = name_test_set(str(test_set), rows["part"].iloc[0])
            counts = rows[["n_circrna", "n_lncrna"]].iloc[0]
            sizes = "{:,.0f} circRNAs, {:,.0f} others".format(*counts)
            said = f"{heading(name)}, split {scheme}: {sizes}"
        blocks.append(Block(said, rows))
    return blocks


def label_of(row: pd.Series) -> str:
    """Name of a row; of what was published with the split it was measured on, and the word."""
    name: str = row["name"]
    if row["kind"] not in KINDS:
        return name
    split = "split not stated" if row["split"] == "not stated" else f"split: {row['split']}"
    return f"{name} ({split}; {row['kind']})"


def draw(points: pd.DataFrame) -> Figure:
    """Draw AUROC and MCC side by side, the numbers beside them, a row a point.

    Args:
        points: See `points_of`.
    """
    blocks = blocks_of(points)
    labels = [block.rows.apply(label_of, axis=1).tolist() for block in blocks]
    places = place(blocks)
    names = width_of(label for block in labels for label in block)
    with style():
        figure, panels = new_figure(height_of(blocks), (names, *PANEL_WIDTHS), share=True)
        for axes, (metric, (heading, chance)) in zip(panels, METRICS.items(), strict=True):
            lay_out(axes, blocks, labels, height_of(blocks))
            low, high = limits(points.filter(regex=f"^{metric}").to_numpy(float).ravel())
            axes.set(xlim=(low, high), xlabel=heading)
            if chance > low:
                axes.axvline(chance, color=COLOURS["reference"], ls="--", lw=1)
                axes.set_xlabel(f"{heading} (dashed: chance)")
            for block, (_, rows) in zip(blocks, places, strict=True):
                _draw_block(axes, block.rows, metric, rows)
        write_headings(panels[0], blocks, names)
        _write_accuracy(panels[-1], blocks, places)
        figure.legend(handles=_legend(points), loc="upper left", ncols=5)
    return figure


def _draw_block(axes: Axes, rows: pd.DataFrame, metric: str, places: np.ndarray) -> None:
    """Draw one metric of a block's rows, and write it beside them."""
    for kind in rows["kind"].unique():
        chosen = (rows["kind"] == kind).to_numpy(bool)
        colour, marker = KIND_STYLES.get(kind, KIND_STYLES[BASELINE])
        some, at = rows[chosen], places[chosen]
        draw_points(axes, some, metric, at, colour, marker, hollow=kind in KINDS)
    for place_of_row, (_, row) in zip(places, rows.iterrows(), strict=True):
        write(axes, 1, place_of_row, in_words(row, metric))


def _write_accuracy(
    axes: Axes, blocks: Sequence[Block], places: Sequence[tuple[float, np.ndarray]]
) -> None:
    """Write the accuracy in a column of its own at the right, under its name."""
    for block, (top, rows) in zip(blocks, places, strict=True):
        write(axes, 1, top, "accuracy", weight="bold", shift=114)
        for place_of_row, (_, row) in zip(rows, block.rows.iterrows(), strict=True):
            write(axes, 1, place_of_row, in_words(row, "accuracy"), shift=114)


def _legend(points: pd.DataFrame) -> list[Line2D]:
    """What the markers mean, as far as they occur."""
    handles = []
    for kind, (colour, marker) in KIND_STYLES.items():
        if (points["kind"] == kind).any():
            face = "white" if kind in KINDS else colour
            handle = Line2D(
                [], [], label=KIND_WORDS[kind], marker=marker, color=colour, mfc=face, ms=5, lw=1.3
            )
            if kind in KINDS:
                handle.set_linestyle("")
            handles.append(handle)
    return handles


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--comparison", type=Path, required=True, help="table of all scores")
    add("--literature", type=Path, default=PATH, help="table of published scores")
    add("--output-dir", type=Path, required=True, help="folder to write to")


def run(args: argparse.Namespace) -> None:
    """Draw the scores of all runs and baselines beside those that others published."""
    literature = read_literature(args.literature)
    points = points_of(read_comparison(args.comparison), literature)
    write_table(args.output_dir / "forest.tsv", points)
    save(draw(points), args.output_dir, "forest")
    log.info("%d scores, %d of them published by others", len(points), len(literature))
