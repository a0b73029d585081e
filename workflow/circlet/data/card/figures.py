"""Pictures of the dataset card: how length, GC content and exon number differ by class."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from circlet.data.card.datasheet import CLASSES, HARD_NEGATIVES
from circlet.data.card.inputs import Sheet
from circlet.data.card.words import MEASURE_WORDS, in_unit
from circlet.drawing import COLOURS, style
from circlet.tables import NEGATIVE, POSITIVE
from circlet.words import CLASS_WORDS, heading

# Told apart by dashes too, for print and for the colour-blind.
LINES = {
    POSITIVE: (COLOURS[POSITIVE], "-"),
    NEGATIVE: (COLOURS[NEGATIVE], "--"),
    HARD_NEGATIVES: ("#009E73", "-."),  # of the same palette
}
BINS = 30
MOST_EXONS = 20  # the last bin of the exon number holds all from here on


def length_edges(values: np.ndarray) -> np.ndarray:
    """Edges of equal width on a logarithmic axis."""
    return np.geomspace(values.min(), values.max() + 1, BINS + 1)


def gc_edges(values: np.ndarray) -> np.ndarray:
    """Edges of two hundredths."""
    return np.linspace(0, 1, 51)


def exon_edges(values: np.ndarray) -> np.ndarray:
    """Edges about the whole numbers up to `MOST_EXONS`."""
    return np.arange(0.5, min(values.max(), MOST_EXONS) + 1)


def length_axis(axis: Axis) -> None:
    """Show whole numbers of nt on a logarithmic axis."""
    axis.axes.set_xscale("log")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.set_minor_locator(NullLocator())


def gc_axis(axis: Axis) -> None:
    """Show fractions as per cent."""
    axis.set_major_formatter(FuncFormatter(in_percent))


def in_percent(share: float, _: int | None = None) -> str:
    """The label of a share."""
    return f"{100 * share:g}"


def exon_axis(axis: Axis) -> None:
    """Show whole numbers, the last of which stands for more."""
    axis.set_major_locator(FixedLocator([1, *range(5, MOST_EXONS + 1, 5)]))
    axis.set_major_formatter(FuncFormatter(exon_label))


def exon_label(value: float, _: int | None = None) -> str:
    """The label of a number of exons."""
    return f"\N{GREATER-THAN OR EQUAL TO}{MOST_EXONS}" if value == MOST_EXONS else f"{value:.0f}"


@dataclass(frozen=True)
class Picture:
    """A histogram to draw.

    Attributes:
        title: What it shows.
        label: Name and unit of the horizontal axis.
        edges: Edges of the bins, given the values of all classes.
        dress: Sets scale and ticks of the horizontal axis.
    """

    title: str
    label: str
    edges: Callable[[np.ndarray], np.ndarray]
    dress: Callable[[Axis], None]


# By the name of the file, which is that of the measure.
PICTURES = {
    "length": Picture("Length", "length, nt (logarithmic)", length_edges, length_axis),
    "gc": Picture("GC content", "GC content, % of bases", gc_edges, gc_axis),
    "exon_number": Picture("Number of exons", "exons", exon_edges, exon_axis),
}


def histogram(measured: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Count the transcripts of each class in the bins of a measure.

    Args:
        measured: Has `class` and the measure, NaN where not known.
        measure: A name of `PICTURES`. Exon numbers above `MOST_EXONS` count as that.

    Returns:
        `class`, `low` and `high` (edges of the bin), `transcripts`, and `share` of those of the
        class that are known; no row for a class of which none is.
    """
    known = measured[measured[measure].notna()]
    values = known[measure].to_numpy(float)
    columns = ["class", "low", "high", "transcripts", "share"]
    if not len(values):
        return pd.DataFrame(columns=columns)
    edges = PICTURES[measure].edges(values)
    values = values.clip(max=edges[-1])
    bins = []
    for name in CLASSES:
        is_member = (known["class"] == name).to_numpy(bool)
        if is_member.any():
            counts, _ = np.histogram(values[is_member], edges)
            about = {"class": name, "low": edges[:-1], "high": edges[1:], "transcripts": counts}
            bins.append(pd.DataFrame({**about, "share": counts / is_member.sum()}))
    return pd.concat(bins, ignore_index=True)[columns]


def caption_of(sheet: Sheet, measure: str) -> str:
    """Say what a picture shows, and the medians that it is read by."""
    told = []
    for name, row in sheet["classes"].items():
        middle = row[measure]["median"]
        if middle is not None:
            told.append(f"{CLASS_WORDS[name]} {in_unit(middle, measure)}")
    medians = f"; medians: {', '.join(told)}" if told else ""
    return f"{heading(MEASURE_WORDS[measure])}: share of the transcripts of each class{medians}."


def draw(bins: pd.DataFrame, measure: str) -> Figure:
    """Draw the shares of each class over each other.

    Args:
        bins: See `histogram`.
        measure: A name of `PICTURES`.
    """
    picture = PICTURES[measure]
    with style():
        figure = Figure(figsize=(5.6, 3.6))
        axes = figure.add_subplot()
        axes.set(title=picture.title, xlabel=picture.label, ylabel="share of the class, %")
        axes.yaxis.set_major_formatter(FuncFormatter(in_percent))
        if bins.empty:
            axes.text(0.5, 0.5, "known of no transcript", ha="center", transform=axes.transAxes)
            return figure
        for key, rows in bins.groupby("class", sort=False):
            name = str(key)
            colour, dashes = LINES[name]
            edges = [*rows["low"], rows["high"].iloc[-1]]
            label = f"{CLASS_WORDS[name]}, n = {rows['transcripts'].sum():,}"
            if name != HARD_NEGATIVES:  # whose line follows the circRNAs' where they are matched
                axes.stairs(rows["share"], edges, fill=True, color=colour, alpha=0.15)
            axes.stairs(rows["share"], edges, color=colour, ls=dashes, lw=1.4, label=label)
        filled = bins[bins["transcripts"] > 0]
        axes.set(xlim=(filled["low"].min(), filled["high"].max()), ylim=(0, None))
        picture.dress(axes.xaxis)
        figure.legend(loc="outside lower center", ncols=3)  # where it never hides a line
    return figure
