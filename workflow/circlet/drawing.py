"""The style of all figures, and writing them: the same points give the same bytes."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from circlet.files import atomic_path
from circlet.tables import NEGATIVE, POSITIVE

# Okabe and Ito's palette, told apart by the colour-blind (https://jfly.uni-koeln.de/color/).
COLOURS = {POSITIVE: "#0072B2", NEGATIVE: "#D55E00", "reference": "#767676"}

# What is scored, by kind: colour and marker. What others published is drawn hollow.
KIND_STYLES = {
    "run": ("#0072B2", "o"),
    "baseline": ("#444444", "s"),
    "quoted": ("#D55E00", "D"),
    "rerun": ("#009E73", "^"),
}

# Of lines that are none of those, such as the seeds of a run; of the same palette.
LINE_STYLES = (
    ("#000000", "-", "o"),
    ("#E69F00", "--", "s"),
    ("#0072B2", "-.", "^"),
    ("#CC79A7", ":", "D"),
    ("#009E73", "-", "v"),
)

STYLE = {
    "axes.edgecolor": "#444444",
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "figure.constrained_layout.use": True,
    "figure.figsize": (4.4, 4.4),
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "savefig.dpi": 180,
    "svg.hashsalt": "circlet",  # else element ids are random
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}

# Neither time nor version of the drawing library, so that the same points give the same bytes.
METADATA = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw in the house style within the block, whatever the user's own matplotlibrc says."""
    with matplotlib.style.context(["default", STYLE]):
        yield


def spread(places: Sequence[float], least: float) -> list[float]:
    """Move places apart, so that labels there do not overlap, and keep their order.

    Args:
        places: Where the labels belong.
        least: Least distance of two; those of a crowd are put around the crowd's middle.
    """
    crowds: list[list[int]] = []  # indices of places, in ascending order
    middles: list[float] = []
    for index in sorted(range(len(places)), key=lambda index: places[index]):
        crowds.append([index])
        middles.append(places[index])
        while len(crowds) > 1 and (
            middles[-1] - middles[-2] < least * (len(crowds[-1]) + len(crowds[-2])) / 2
        ):
            last = crowds.pop()
            crowds[-1] += last
            middles.pop()
            middles[-1] = sum(places[member] for member in crowds[-1]) / len(crowds[-1])
    moved = [0.0] * len(places)
    for crowd, middle in zip(crowds, middles, strict=True):
        for number, index in enumerate(crowd):
            moved[index] = middle + least * (number - (len(crowd) - 1) / 2)
    return moved


def svg_of(figure: Figure) -> bytes:
    """Give a figure as SVG, the same bytes each time."""
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format="svg", metadata=METADATA["svg"])
    return buffer.getvalue()


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as SVG and PNG."""
    for kind, metadata in METADATA.items():
        with style(), atomic_path(folder / f"{name}.{kind}") as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata)
