"""Pictures of what the call of one transcript rests on."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import imsave

from circlet.descriptors import BASES
from circlet.drawing import COLOURS, save, style
from circlet.evaluation.explain.frames import FRAMES, longest_stretch, stop_codons
from circlet.evaluation.explain.logo import draw_logo
from circlet.files import atomic_path
from circlet.tables import NEGATIVE, POSITIVE

MINUS = "\N{MINUS SIGN}"
LINE = "#444444"
BINS = 400  # of a track at most
LEAST_BARS = 6  # that there is room for, so that a few are not thick
# Of the small picture: about 900 pixels wide, and as good as its size allows.
PAGE_DPI, PAGE_BYTES, QUALITIES = 90, 30 * 1024, (90, 80, 70, 60, 50, 40, 30, 20, 10)


class Tracks(NamedTuple):
    """What is drawn of one transcript.

    Attributes:
        title: Above the figure.
        sequence: Upper-case ACGT.
        bases: What each base is worth, shape (length,).
        is_read: Whether the networks read it, likewise, bool.
        rollout: Share of the attention, likewise, or None.
        mutations: Of `circlet.evaluation.explain.mutagenesis.mutate`.
        shares: What each group of inputs is worth, in the order to draw.
    """

    title: str
    sequence: str
    bases: np.ndarray
    is_read: np.ndarray
    rollout: np.ndarray | None
    mutations: pd.DataFrame
    shares: Mapping[str, float]


def draw_tracks(tracks: Tracks) -> Figure:
    """Draw one transcript: the junction above, below it the whole length and the inputs."""
    with style():
        figure = Figure(figsize=(10, 6.6))
        figure.suptitle(tracks.title, x=0.01, ha="left", fontsize=10, parse_math=False)
        junction, whole = figure.subfigures(2, 1, squeeze=False, height_ratios=[1, 1])[:, 0]
        draw_junction(junction, tracks)
        left, right = whole.subfigures(1, 2, width_ratios=[2.2, 1])
        draw_whole(left, tracks)
        draw_shares(right.subplots(), tracks.shares)
        # Laid out once, and not for each file anew.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    return figure


def draw_junction(figure: SubFigure, tracks: Tracks) -> None:
    """Draw the logo around the junction and under it the substitutions."""
    places = tracks.mutations["position"].unique()
    grid = {"height_ratios": [1.8, 1], "width_ratios": [70, 1]}
    (logo, empty), (heat, bar) = figure.subplots(2, 2, gridspec_kw=grid)
    empty.axis("off")
    draw_logo(logo, "".join(tracks.sequence[place] for place in places), tracks.bases[places])
    logo.set_ylabel("attribution,\nlog-odds")
    mark_junction(logo, len(places) // 2)
    logo.tick_params(labelbottom=False)
    for side, text, place in (("right", "end of the sequence ", 0.5), ("left", " start", 0.5)):
        logo.annotate(text, (place, 1.0), xycoords="axes fraction", ha=side, va="bottom", size=8)
    draw_mutations(heat, bar, tracks.mutations)
    mark_junction(heat, len(places) // 2)
    heat.set_xlabel("nt from the junction")


def mark_junction(axes: Axes, window: int) -> None:
    """Draw the back-splice junction and distances from it; column 0 is `window` nt before it."""
    axes.axvline(window - 0.5, color=LINE, lw=1.2, ls="--")
    axes.set_xlim(-0.6, 2 * window - 0.4)
    steps = list(range(10, window + 1, 10)) or [window]
    before = [(window - step, f"{MINUS}{step}") for step in reversed(steps)]
    after = [(window + step - 1, f"+{step}") for step in steps]
    axes.set_xticks(*zip(*(before + after), strict=True))


def draw_mutations(axes: Axes, bar: Axes, table: pd.DataFrame) -> None:
    """Draw the change by each substitution as a heat map; a dot is the base that is there."""
    own = table.drop_duplicates("position")
    column_of = {place: column for column, place in enumerate(own["position"])}
    cells = np.full((len(BASES), len(own)), np.nan)
    rows = [BASES.index(base) for base in table["alternative"]]
    cells[rows, table["position"].map(column_of)] = table["change"]
    limit = np.nanmax(np.abs(cells)) or 1
    ends = [COLOURS[NEGATIVE], "#FFFFFF", COLOURS[POSITIVE]]
    colours = LinearSegmentedColormap.from_list("change", ends)
    edges = np.arange(len(own) + 1) - 0.5, np.arange(len(BASES) + 1) - 0.5
    mesh = axes.pcolormesh(*edges, cells, cmap=colours, vmin=-limit, vmax=limit)
    there = [BASES.index(base) for base in own["base"]]
    axes.plot(range(len(own)), there, ls="", marker=".", ms=3, color=LINE)
    axes.set_yticks(range(len(BASES)), list(BASES))
    axes.set_ylabel("base instead")
    axes.invert_yaxis()
    axes.figure.colorbar(mesh, cax=bar, label="change of\nthe log-odds")


def draw_whole(figure: SubFigure, tracks: Tracks) -> None:
    """Draw the tracks over the whole transcript, one under the other."""
    heights = [2, 0.9] if tracks.rollout is None else [2, 0.2, 0.9]
    panels = figure.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights})
    draw_length(panels[0], tracks.bases, tracks.is_read)
    if tracks.rollout is not None:
        draw_rollout(panels[1], tracks.rollout)
    draw_frames(panels[-1], tracks.sequence)


def binned(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of values in bins of equal width, at most `BINS`, and the edges of the bins."""
    starts = np.arange(0, len(values), -(-len(values) // BINS))
    edges = np.append(starts, len(values))
    return np.add.reduceat(values, starts) / np.diff(edges), edges


def smoothed(values: np.ndarray, width: int) -> np.ndarray:
    """Moving mean of values; at both ends of what there is."""
    ones = np.ones(min(width, len(values)))
    return np.convolve(values, ones, "same") / np.convolve(np.ones(len(values)), ones, "same")


def draw_length(axes: Axes, bases: np.ndarray, is_read: np.ndarray) -> None:
    """Draw what the bases are worth, smoothed; what is not read is grey."""
    width = max(5, len(bases) // 100)
    means, edges = binned(smoothed(bases, width))
    for sign, label in ((1, POSITIVE), (-1, NEGATIVE)):
        part = sign * np.maximum(sign * means, 0)
        axes.stairs(part, edges, fill=True, color=COLOURS[label], label=f"for {label}")
    unread = np.flatnonzero(~is_read)
    if len(unread):
        axes.axvspan(unread[0], unread[-1] + 1, color="#DDDDDD", label="not read", lw=0)
    axes.axhline(0, color=LINE, lw=0.6)
    axes.set_ylabel(f"log-odds per nt,\nmean over {width} nt")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)


def draw_rollout(axes: Axes, rollout: np.ndarray) -> None:
    """Draw where the attention looks as a strip, the darker the more, and how uneven that is."""
    means, edges = binned(rollout * len(rollout))
    axes.pcolormesh(edges, [0, 1], means[None], cmap="Greys")
    span = f"{means.min():.2f} to {means.max():.2f} of an even share"
    axes.set_title(span, loc="right", size=7, pad=2)
    axes.set_yticks([])
    axes.set_ylabel("attention", rotation=0, ha="right", va="center", size=8)


def draw_frames(axes: Axes, sequence: str) -> None:
    """Draw the stop codons of the three frames, and the longest stretch without one."""
    frame, start, end = longest_stretch(sequence)
    rows = [FRAMES - row for row in range(FRAMES)]
    label = f"longest stretch without a stop codon, {end - start:,} nt"
    axes.barh(rows[frame], end - start, 0.7, start, color="#56B4E9", label=label)
    stops = stop_codons(sequence)
    axes.eventplot(stops, lineoffsets=rows, linelengths=0.7, linewidths=0.6, colors="#222222")
    axes.set_yticks(rows, [f"frame {frame + 1}" for frame in range(FRAMES)])
    axes.set(ylim=(0.4, FRAMES + 0.6), xlim=(0, len(sequence)), xlabel="position, nt")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 0.98), borderaxespad=0)


def draw_shares(axes: Axes, shares: Mapping[str, float]) -> None:
    """Draw what each group of inputs is worth as bars."""
    values = list(shares.values())
    colours = [COLOURS[POSITIVE if value > 0 else NEGATIVE] for value in values]
    axes.barh(range(len(values)), values, color=colours, height=0.7)
    axes.axvline(0, color=LINE, lw=0.6)
    axes.set_yticks(range(len(values)), list(shares))
    axes.set_ylim(max(len(values), LEAST_BARS) - 0.5, -0.5)
    axes.set_xlabel("attribution, log-odds")
    axes.margins(x=0.45)
    for row, value in enumerate(values):
        side = -1 if value < 0 else 1
        text = f"{round(value, 2) + 0.0:+.2f}".replace("-", MINUS)  # no minus before a zero
        axes.annotate(
            text,
            (value, row),
            (3 * side, 0),
            textcoords="offset points",
            va="center",
            ha="right" if value < 0 else "left",
            size=7.5,
        )


def save_tracks(tracks: Tracks, folder: Path, stem: str) -> None:
    """Write the figure of a transcript, and a small one for a page as `{stem}.page.webp`."""
    figure = draw_tracks(tracks)
    save(figure, folder, stem)
    save_small(figure, folder / f"{stem}.page.webp")


def save_small(figure: Figure, path: Path) -> None:
    """Write a figure as WebP of at most `PAGE_BYTES`, if the lowest quality allows it."""
    drawn = io.BytesIO()
    with style():
        figure.savefig(drawn, format="rgba", dpi=PAGE_DPI)
    width = round(figure.get_figwidth() * PAGE_DPI)
    pixels = np.frombuffer(drawn.getvalue(), np.uint8).reshape(-1, width, 4)
    for quality in QUALITIES:
        buffer = io.BytesIO()
        imsave(buffer, pixels, format="webp", pil_kwargs={"quality": quality, "method": 6})
        if buffer.tell() <= PAGE_BYTES:
            break
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
