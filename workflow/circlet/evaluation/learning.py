"""Learning curves of a run: losses and validation AUROC of all seeds against the epoch."""

import argparse
import logging
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from circlet.drawing import LINE_STYLES, save, spread, style
from circlet.errors import InputError
from circlet.files import read_json, write_table

# What is drawn, with the name of its axis.
CURVES = {
    "train_loss": "training loss, nats",
    "validation_loss": "validation loss, nats",
    "validation_auroc": "validation AUROC",
}
COLUMNS = ("seed", "epoch", *CURVES, "kept")
LABEL_HEIGHT = 0.06  # of an axis, that a label takes

log = logging.getLogger(__name__)


def read_epochs(path: Path) -> pd.DataFrame:
    """Read the epochs of all trainings of a run.

    Returns:
        `COLUMNS`: a row an epoch of a seed; `kept` tells the epoch whose weights the model has.

    Raises:
        InputError: The file is not one that `circlet assemble` writes.
    """
    records = read_json(path)
    try:
        rows = [
            {"seed": record["seed"]}
            | {name: epoch[name] for name in ("epoch", *CURVES)}
            | {"kept": epoch["epoch"] == record.get("best_epoch")}
            for record in records
            for epoch in record["epochs"]
        ]
        kinds = {"seed": "int64", "epoch": "int64", "kept": "bool"}
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(
            kinds | dict.fromkeys(CURVES, "float")
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        mend = "make it again with 'circlet assemble'"
        raise InputError(path, f"not the records of trainings ({error})", mend) from None


def draw(epochs: pd.DataFrame, name: str) -> Figure:
    """Draw a panel for each of `CURVES`, a line a seed, its kept epoch ringed.

    Args:
        epochs: See `read_epochs`; there may be none, and then the figure says so.
        name: Name of the run, for the title.
    """
    with style():
        figure = Figure(figsize=(9.6, 3.3))
        # A name from the user's config: a dollar sign in one is no formula.
        figure.suptitle(f"{name}: learning curves", x=0.01, ha="left", size=9, parse_math=False)
        panels = figure.subplots(1, len(CURVES))
        for axes, (curve, label) in zip(panels, CURVES.items(), strict=True):
            axes.set(xlabel="epoch", ylabel=label)
            axes.xaxis.get_major_locator().set_params(integer=True)
            if epochs.empty:
                axes.text(0.5, 0.5, "no epoch", ha="center", transform=axes.transAxes)
            else:
                _draw_curve(axes, epochs, curve)
        if not epochs.empty:
            _align_losses(panels[:2])
            for axes, curve in zip(panels, CURVES, strict=True):
                _label_ends(axes, epochs, curve)
        figure.legend(handles=_legend(), loc="outside lower center")
    return figure


def _draw_curve(axes: Axes, epochs: pd.DataFrame, curve: str) -> None:
    """Draw one curve of each seed, with a ring about the epoch that was kept."""
    for number, (_, rows) in enumerate(epochs.groupby("seed", sort=False)):
        colour, dashes, marker = LINE_STYLES[number % len(LINE_STYLES)]
        axes.plot(rows["epoch"], rows[curve], color=colour, ls=dashes, marker=marker, ms=3, lw=1.3)
        kept = rows[rows["kept"]]
        axes.plot(kept["epoch"], kept[curve], ls="", marker="o", ms=10, mfc="none", mec=colour)
    first, last = epochs["epoch"].min(), epochs["epoch"].max()
    axes.set_xlim(first - 0.3, last + 0.3)


def _label_ends(axes: Axes, epochs: pd.DataFrame, curve: str) -> None:
    """Write the seeds' names at the ends of their lines; the axis has its limits already."""
    low, high = axes.get_ylim()
    ends = epochs.groupby("seed", sort=False).tail(1)
    heights = spread(ends[curve].tolist(), LABEL_HEIGHT * (high - low))
    left, right = axes.get_xlim()
    beside = right + 0.045 * (right - left)
    for number, (_, end) in enumerate(ends.iterrows()):
        colour, *_ = LINE_STYLES[number % len(LINE_STYLES)]
        axes.annotate(
            f"seed {end['seed']}",
            (end["epoch"], end[curve]),
            (beside, heights[number]),
            va="center",
            size=7.5,
            color=colour,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.5, "shrinkA": 0, "shrinkB": 2},
        )


def _align_losses(panels: list[Axes]) -> None:
    """Give the panels of the losses one scale, from 0, so that they can be compared."""
    highest = max(axes.get_ylim()[1] for axes in panels)
    for axes in panels:
        axes.set_ylim(0, highest)


def _legend() -> list[Line2D]:
    """What the ring means."""
    label = "epoch that was kept"
    return [Line2D([], [], label=label, ls="", marker="o", ms=9, mfc="none", mec="#444444")]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--training", type=Path, required=True, help="records of the run's trainings, JSON")
    add("--name", required=True, help="name of the run")
    add("--output-dir", type=Path, required=True, help="folder to write to")


def run(args: argparse.Namespace) -> None:
    """Draw the learning curves of a run."""
    epochs = read_epochs(args.training)
    write_table(args.output_dir / "learning.tsv", epochs)
    save(draw(epochs, args.name), args.output_dir, "learning")
    log.info("%s: %d epochs of %d seeds", args.name, len(epochs), epochs["seed"].nunique())
