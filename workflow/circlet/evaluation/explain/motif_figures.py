"""The picture of what calls rest on over many transcripts: k-mers, and places at the ends."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circlet.descriptors import BASES
from circlet.drawing import COLOURS, save, style
from circlet.evaluation.explain.logo import BASE_COLOURS
from circlet.tables import NEGATIVE, POSITIVE

SHOWN = 10  # k-mers for each class
LINE = "#444444"


def shown_kmers(kmers: pd.DataFrame, k: int) -> pd.DataFrame:
    """The k-mers that speak surest for circRNA, then those for lncRNA, the surest last."""
    some = kmers[(kmers["k"] == k) & kmers["is_common"]]
    positive, negative = some["mean_attribution"] > 0, some["mean_attribution"] < 0
    return pd.concat([some[positive].head(SHOWN), some[negative].tail(SHOWN)])


def draw_kmers(axes: Axes, table: pd.DataFrame, k: int) -> None:
    """Draw what k-mers are worth as bars, with twice the standard error."""
    values = table["mean_attribution"].to_numpy()
    colours = [COLOURS[POSITIVE if value > 0 else NEGATIVE] for value in values]
    rows = np.arange(len(values))
    error, line = 2 * table["standard_error"], {"ecolor": LINE, "elinewidth": 0.8}
    axes.barh(rows, values, color=colours, height=0.75, xerr=error, error_kw=line)
    axes.set_yticks(rows, table["kmer"], family="DejaVu Sans Mono", size=7)
    axes.invert_yaxis()
    axes.axvline(0, color=LINE, lw=0.6)
    axes.set(title=f"{k}-mers", xlabel="mean attribution of a k-mer, log-odds")


def draw_places(axes: Axes, table: pd.DataFrame, title: str) -> None:
    """Draw what places at one end are worth, by the base that stands there."""
    for base in BASES:
        colour = BASE_COLOURS[base]
        axes.plot(table["position"], table[f"mean_{base}"], color=colour, label=base, lw=1.3)
    places, sizes = table["position"], table["mean_absolute"]
    axes.plot(places, sizes, color=LINE, lw=1, ls="--", label="size, any base")
    axes.axhline(0, color=LINE, lw=0.6)
    axes.set(title=title, xlabel="nt from this end")


def save_global(kmers: pd.DataFrame, positions: pd.DataFrame, title: str, folder: Path) -> None:
    """Write the figure of both tables of `circlet.evaluation.explain.motifs`."""
    with style():
        figure = Figure(figsize=(10, 7.4))
        figure.suptitle(title, x=0.01, ha="left", fontsize=10, parse_math=False)
        above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.25, 1])[:, 0]
        lengths = kmers["k"].unique()
        for axes, k in zip(above.subplots(1, len(lengths), squeeze=False)[0], lengths, strict=True):
            draw_kmers(axes, shown_kmers(kmers, k), k)
        end, start = below.subplots(1, 2, sharey=True)
        draw_places(end, positions[positions["anchor"] == "end"], "end of the sequence")
        draw_places(start, positions[positions["anchor"] == "start"], "start of the sequence")
        end.set_ylabel("mean attribution, log-odds")
        end.legend(ncols=5, loc="best")
    save(figure, folder, "global")
