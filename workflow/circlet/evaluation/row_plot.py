"""Figures of rows: a name, a score with its interval and its number, in blocks under headings."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import matplotlib.transforms
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

ROW = 0.19  # inches
LETTER = 0.062  # inches that a letter of a name is wide, about
TOP, BOTTOM = 0.55, 0.5  # inches for the legend, and for the axis below
GAP = 0.6  # rows between two blocks
MARGIN = 0.7  # rows above the first and below the last
LONG = 30  # rows from which the axis is told above, too


@dataclass(frozen=True)
class Block:
    """Rows that stand together under a heading.

    Attributes:
        heading: What they have in common.
        rows: What to draw, in this order.
    """

    heading: str
    rows: pd.DataFrame

    @property
    def height(self) -> float:
        """Rows that it takes, with its heading and the gap below."""
        return len(self.rows) + 1 + GAP


def blocks_by(table: pd.DataFrame, column: str, headings: Mapping[str, str]) -> list[Block]:
    """Divide rows by what they have in a column, in the table's order.

    Args:
        table: The rows.
        column: Name of the column, of texts.
        headings: The heading of each text; without one, the text is the heading.
    """
    return [
        Block(headings.get(str(text), str(text)), rows)
        for text, rows in table.groupby(column, sort=False)
    ]


def height_of(blocks: Iterable[Block]) -> float:
    """Rows that blocks take one below the other."""
    return sum(block.height for block in blocks) - GAP


def place(blocks: Sequence[Block]) -> list[tuple[float, np.ndarray]]:
    """Give the places of blocks below each other: of the heading, and of its rows, from 0 down."""
    places, top = [], 0.0
    for block in blocks:
        places.append((top, top + 1 + np.arange(len(block.rows))))
        top += block.height
    return places


def new_figure(rows: float, widths: Sequence[float], share: bool) -> tuple[Figure, list[Axes]]:
    """Make a figure as high as its rows ask for.

    Its places are set in inches and not found by a layout engine, which would take the headings for
    something that the panels must make room for.

    Args:
        rows: That the highest panel takes, see `height_of`.
        widths: Inches of the names, then of each panel and of the text to its right in turn.
        share: Whether the panels show the same rows, so that the first alone has their names.

    Returns:
        The figure and its panels.
    """
    rows += 2 * MARGIN - 1
    width, height = sum(widths), TOP + BOTTOM + ROW * rows
    figure = Figure(figsize=(width, height))
    figure.set_layout_engine("none")
    panels: list[Axes] = []
    for number in range(1, len(widths), 2):
        left, bottom = sum(widths[:number]) / width, BOTTOM / height
        box = (left, bottom, widths[number] / width, ROW * rows / height)
        panels.append(figure.add_axes(box, sharey=panels[0] if panels and share else None))
        if panels[1:] and share:
            panels[-1].tick_params(labelleft=False)
    return figure, panels


def width_of(labels: Iterable[str]) -> float:
    """Inches that names take, about."""
    return 0.25 + LETTER * max(map(len, labels), default=0)


def lay_out(
    axes: Axes, blocks: Sequence[Block], labels: Sequence[Sequence[str]], rows: float
) -> None:
    """Set up the vertical axis: names at the left, headings in bold, a line above each block.

    Args:
        axes: Empty ones.
        blocks: What is drawn, from the top.
        labels: The names of each block's rows.
        rows: That the highest panel of the figure takes.
    """
    axes.set_ylim(rows - 1 + MARGIN, -MARGIN)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    places = place(blocks)
    ticks = np.concatenate([members for _, members in places])
    names = [name for block in labels for name in block]
    # Names come from the user's config: a dollar sign in one is no formula.
    axes.set_yticks(ticks, names, parse_math=False)
    axes.grid(axis="x", color="#e4e4e4", lw=0.6)
    axes.set_axisbelow(True)
    if rows > LONG:
        axes.tick_params(axis="x", top=True, labeltop=True)
    for heading, _ in places[1:]:
        axes.axhline(heading - 0.5 - GAP / 2, color="#cccccc", lw=0.6)


def write_headings(axes: Axes, blocks: Sequence[Block], width: float) -> None:
    """Write the headings over the names of their rows, which are `width` inches wide."""
    for (heading, _), block in zip(place(blocks), blocks, strict=True):
        write(axes, 0, heading, block.heading, weight="bold", shift=72 * (0.1 - width))


def write(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    weight: str = "normal",
    ha: str = "left",
    shift: float = 6,
    colour: str = "#222222",
) -> None:
    """Write a text beside a row.

    Args:
        axes: Where.
        x: Place, 0 the left and 1 the right end of the axes.
        y: The row's place.
        text: What to write.
        weight: Of the letters.
        ha: Which side of the text is there.
        shift: Points to the right of `x`.
        colour: Of the letters.
    """
    across = matplotlib.transforms.blended_transform_factory(axes.transAxes, axes.transData)
    axes.annotate(
        text,
        (x, y),
        (shift, 0),
        xycoords=across,
        textcoords="offset points",
        va="center",
        ha=ha,
        size=7.5,
        weight=weight,
        color=colour,
        annotation_clip=False,
        parse_math=False,
        # Of a heading, which may reach into a panel: its lines must not run through the words.
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1} if weight == "bold" else None,
    )


def draw_points(
    axes: Axes,
    rows: pd.DataFrame,
    metric: str,
    places: np.ndarray,
    colour: str,
    marker: str,
    hollow: bool = False,
) -> None:
    """Draw a score of each row, with a line over its interval where it has one.

    Args:
        axes: Where.
        rows: With the metric, and `{metric}_low` and `{metric}_high` if there are intervals.
        metric: Name of the score; rows where it is NaN are passed over.
        places: Place of each row, (rows,).
        colour: Of marker and line.
        marker: As matplotlib names it.
        hollow: Draw the marker's outline alone.
    """
    values = rows[metric].to_numpy(float)
    if f"{metric}_low" in rows:
        low, high = (rows[f"{metric}_{end}"].to_numpy(float) for end in ("low", "high"))
        known = ~np.isnan(low) & ~np.isnan(high)
        axes.hlines(places[known], low[known], high[known], color=colour, lw=1.3)
    axes.plot(
        values,
        places,
        ls="",
        marker=marker,
        ms=4.5,
        mec=colour,
        mfc="white" if hollow else colour,
        mew=1.2,
        clip_on=False,
        zorder=3,
    )


def in_words(row: pd.Series, metric: str) -> str:
    """A score with its interval, as text; a dash where there is none."""
    value = row[metric]
    if math.isnan(value):
        return "\N{EN DASH}"
    low, high = (row.get(f"{metric}_{end}", math.nan) for end in ("low", "high"))
    interval = "" if math.isnan(low) or math.isnan(high) else f" [{number(low)}, {number(high)}]"
    return number(value) + interval


def number(value: float) -> str:
    """Three decimals, with the sign that is as wide as a plus."""
    return f"{value:.3f}".replace("-", "\N{MINUS SIGN}")


def limits(values: Iterable[float]) -> tuple[float, float]:
    """Limits of a score's axis: from the tenth below the lowest to just above 1."""
    known = [value for value in values if not math.isnan(value)]
    low = math.floor(10 * min(known, default=0.5) - 0.2) / 10
    return min(low, 0.9), 1.01
