"""Letters of bases as high as a number: the logo of a stretch of sequence."""

from functools import cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath

from circlet.descriptors import BASES

# Of Okabe and Ito's palette, without the colours of the two classes.
BASE_COLOURS = {"A": "#009E73", "C": "#56B4E9", "G": "#E69F00", "T": "#CC79A7"}


@cache
def outline_of(letter: str) -> Outline:
    """The outline of a letter, in a box from 0 to 1."""
    font = FontProperties(family="DejaVu Sans", weight="bold")
    outline = TextPath((0, 0), letter, size=1, prop=font)
    box = outline.get_extents()
    low, high = np.asarray(box.min), np.asarray(box.max)
    return Outline((np.asarray(outline.vertices) - low) / (high - low), outline.codes)


def draw_logo(axes: Axes, letters: str, heights: np.ndarray) -> None:
    """Draw each letter at its place, as high as its number; those below 0 hang down."""
    for base in BASES:
        outline = outline_of(base)
        vertices = np.asarray(outline.vertices)
        places = [place for place, letter in enumerate(letters) if letter == base]
        paths = [
            Outline(
                vertices * [0.9, abs(heights[place])] + [place - 0.45, min(heights[place], 0)],
                outline.codes,
            )
            for place in places
        ]
        axes.add_collection(PathCollection(paths, facecolors=BASE_COLOURS[base], linewidths=0))
    low, high = min(heights.min(), 0), max(heights.max(), 0)
    margin = 0.08 * (high - low) or 1
    axes.set_ylim(low - margin, high + margin)
    axes.axhline(0, color="#444444", lw=0.6)
