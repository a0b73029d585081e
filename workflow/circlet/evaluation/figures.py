"""Curves of one set of predictions: the points as TSV, the drawings as SVG and PNG."""

import argparse
import logging
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, roc_auc_score

from circlet.drawing import COLOURS, save, style
from circlet.evaluation.curves import (
    CONFIDENCE,
    calibration_points,
    precision_recall_points,
    roc_points,
    score_counts,
)
from circlet.evaluation.predictions import read_predictions, select_part
from circlet.files import write_table
from circlet.tables import NEGATIVE, PARTS, POSITIVE

FIGURES = ("roc", "precision_recall", "calibration", "scores")

UNIT = (-0.02, 1.02)  # limits of an axis from 0 to 1, wide enough not to cut the line at an end

log = logging.getLogger(__name__)


def draw_roc(axes: Axes, points: pd.DataFrame, auroc: float) -> None:
    """Draw the ROC curve with the line of chance."""
    axes.plot(
        points["false_positive_rate"],
        points["true_positive_rate"],
        color=COLOURS[POSITIVE],
        label=f"AUROC {auroc:.3f}",
    )
    axes.plot([0, 1], [0, 1], color=COLOURS["reference"], ls="--", lw=1, label="chance 0.500")
    axes.set(xlabel="1 \N{MINUS SIGN} specificity", ylabel="sensitivity", ylim=UNIT)


def draw_precision_recall(
    axes: Axes, points: pd.DataFrame, auprc: float, prevalence: float
) -> None:
    """Draw the precision-recall curve with the line of the prevalence."""
    axes.plot(
        points["recall"],
        points["precision"],
        color=COLOURS[POSITIVE],
        drawstyle="steps-post",
        label=f"AUPRC {auprc:.3f}",
    )
    chance = f"prevalence {prevalence:.3f}"
    axes.axhline(prevalence, color=COLOURS["reference"], ls="--", lw=1, label=chance)
    axes.set(xlabel="recall (sensitivity)", ylabel="precision", ylim=UNIT)


def draw_calibration(axes: Axes, points: pd.DataFrame) -> None:
    """Draw the calibration with its intervals and the diagonal."""
    fewest, most = points["transcripts"].min(), points["transcripts"].max()
    sizes = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
    bins = f"{len(points)} bins" if len(points) > 1 else "1 bin"
    share = points["fraction_circrna"]
    axes.plot([0, 1], [0, 1], color=COLOURS["reference"], ls="--", lw=1, label="perfect")
    axes.errorbar(
        points["mean_p_circrna"],
        share,
        yerr=[share - points["low"], points["high"] - share],
        color=COLOURS[POSITIVE],
        fmt="o",
        ms=4,
        elinewidth=1.2,
        capsize=2,
        label=f"{bins} of {sizes}, {CONFIDENCE:.0%} interval",
    )
    axes.set(xlabel="mean p_circrna of the bin", ylabel="fraction of circRNAs", ylim=UNIT)


def draw_scores(axes: Axes, points: pd.DataFrame) -> None:
    """Draw the histograms of the two classes over each other."""
    edges = [*points["low"], points["high"].iloc[-1]]
    for label, line in ((NEGATIVE, "--"), (POSITIVE, "-")):
        colour = COLOURS[label]
        axes.stairs(points[label], edges, fill=True, color=colour, alpha=0.25)
        axes.stairs(points[label], edges, label=label, color=colour, lw=1.4, ls=line)
    axes.set(xlabel="p_circrna", ylabel="transcripts")
    axes.locator_params(axis="y", integer=True)


def new_figure(title: str, draw: Callable[[Axes], None]) -> Figure:
    """Make a figure of one panel over the unit interval and let `draw` fill it."""
    figure = Figure()
    axes = figure.add_subplot()
    axes.set_xlim(UNIT)
    draw(axes)
    figure.legend(loc="outside lower center", ncols=2)  # where it never hides a curve
    # Names come from the user's config: a dollar sign in one is no formula.
    axes.set_title(title, parse_math=False)
    return figure


def draw_all(table: pd.DataFrame, name: str, part: str, folder: Path) -> None:
    """Write the points and pictures of `FIGURES` to `folder`.

    Args:
        table: Predictions of one part, with `label` and `p_circrna`; both labels occur.
        name: Name of the run or baseline, for the titles.
        part: Name of the part, for the titles.
        folder: Where to write.
    """
    truth = (table["label"] == POSITIVE).to_numpy(bool)
    p_circrna = table["p_circrna"].to_numpy(float)
    auroc = float(roc_auc_score(truth, p_circrna))
    auprc = float(average_precision_score(truth, p_circrna))
    points = {
        "roc": roc_points(truth, p_circrna),
        "precision_recall": precision_recall_points(truth, p_circrna),
        "calibration": calibration_points(truth, p_circrna),
        "scores": score_counts(truth, p_circrna),
    }
    drawings: dict[str, Callable[[Axes], None]] = {
        "roc": lambda axes: draw_roc(axes, points["roc"], auroc),
        "precision_recall": lambda axes: draw_precision_recall(
            axes, points["precision_recall"], auprc, float(truth.mean())
        ),
        "calibration": lambda axes: draw_calibration(axes, points["calibration"]),
        "scores": lambda axes: draw_scores(axes, points["scores"]),
    }
    counts = f"{truth.sum():,} {POSITIVE}, {(~truth).sum():,} {NEGATIVE}"
    title = f"{name}\n{part}, n = {len(truth):,}: {counts}"
    for figure_name in FIGURES:
        write_table(folder / f"{figure_name}.tsv", points[figure_name])
        with style():
            figure = new_figure(title, drawings[figure_name])
        save(figure, folder, figure_name)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--predictions", type=Path, required=True, help="table of predictions")
    parser.add_argument("--part", choices=PARTS, default="test", help="the part to draw")
    parser.add_argument("--name", required=True, help="name of the run or baseline")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder to write to")


def run(args: argparse.Namespace) -> None:
    """Draw the curves of one set of predictions."""
    scored = select_part(read_predictions(args.predictions), args.part, args.predictions)
    draw_all(scored, args.name, args.part, args.output_dir)
    log.info("%s: %d figures in %s", args.name, len(FIGURES), args.output_dir)
