import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from circlet.drawing import COLOURS, svg_of
from circlet.evaluation.explain.figures import (
    PAGE_BYTES,
    Tracks,
    binned,
    draw_length,
    draw_mutations,
    draw_shares,
    draw_tracks,
    mark_junction,
    save_small,
    smoothed,
)
from circlet.evaluation.explain.logo import draw_logo, outline_of
from circlet.evaluation.explain.motif_figures import shown_kmers
from circlet.evaluation.explain.mutagenesis import around_junction


def mutations_of(sequence, window, seed=0):
    rng = np.random.default_rng(seed)
    rows = [
        (place, sequence[place], other, rng.normal())
        for place in around_junction(len(sequence), window)
        for other in "ACGT"
        if other != sequence[place]
    ]
    return pd.DataFrame(rows, columns=["position", "base", "alternative", "change"])


def make_tracks(length=700, window=12, unread=0):
    rng = np.random.default_rng(1)
    sequence = "".join(rng.choice(list("ACGT"), length))
    is_read = np.ones(length, dtype=bool)
    is_read[100 : 100 + unread] = False
    return Tracks(
        "a $title$: called circRNA",
        sequence,
        rng.normal(0, 0.1, length),
        is_read,
        np.full(length, 1 / length),
        mutations_of(sequence, window),
        {"k-mers": 1.5, "length": -0.25},
    )


def test_letters_are_as_high_as_their_numbers():
    axes = Figure().subplots()
    draw_logo(axes, "ACGTA", np.array([1.0, -2.0, 0.5, 0.0, 3.0]))
    boxes = {}
    for base, collection in zip("ACGT", axes.collections, strict=True):
        boxes[base] = [path.get_extents() for path in collection.get_paths()]
    assert [(box.y0, box.y1) for box in boxes["A"]] == [(0, 1), (0, 3)]
    assert (boxes["C"][0].y0, boxes["C"][0].y1) == (-2, 0)
    assert boxes["C"][0].x0 == pytest.approx(0.55)
    low, high = axes.get_ylim()
    assert low < -2
    assert high > 3


def test_outlines_fill_their_box():
    for base in "ACGT":
        box = outline_of(base).get_extents()
        assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((0, 0, 1, 1))


def test_the_junction_is_between_the_end_and_the_start():
    axes = Figure().subplots()
    mark_junction(axes, 20)
    assert axes.lines[0].get_xdata() == [19.5, 19.5]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["\N{MINUS SIGN}20", "\N{MINUS SIGN}10", "+10", "+20"]
    assert axes.get_xticks().tolist() == [0, 10, 29, 39]


def test_cells_are_the_changes_and_dots_the_bases():
    sequence = "ACGTACGTAC"
    table = mutations_of(sequence, 3)
    axes, bar = Figure().subplots(1, 2)
    draw_mutations(axes, bar, table)
    cells = axes.collections[0].get_array()
    assert cells.shape == (4, 6)
    for row in table.itertuples():
        column = [7, 8, 9, 0, 1, 2].index(row.position)
        assert cells["ACGT".index(row.alternative), column] == row.change
    assert cells.mask.sum() == 6
    dots = axes.lines[0].get_xydata()
    assert dots.tolist() == [[0, 3], [1, 0], [2, 1], [3, 0], [4, 1], [5, 2]]


def test_means_of_bins_and_moving_means():
    values = np.arange(1000.0)
    means, edges = binned(values)
    assert edges[:2].tolist() == [0, 3]
    assert edges[-1] == 1000
    assert (means[0], means[-1]) == (1, 999)
    assert (means * np.diff(edges)).sum() == pytest.approx(values.sum())
    assert smoothed(np.array([1.0, 2.0, 3.0, 10.0]), 3).tolist() == [1.5, 2, 5, 6.5]


def test_what_is_not_read_is_grey():
    for unread in (0, 300):
        tracks, axes = make_tracks(unread=unread), Figure().subplots()
        draw_length(axes, tracks.bases, tracks.is_read)
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        assert ("not read" in labels) == (unread > 0)


def test_bars_have_the_colour_of_their_class():
    axes = Figure().subplots()
    draw_shares(axes, {"k-mers": 1.5, "length": -0.25})
    assert [bar.get_width() for bar in axes.patches] == [1.5, -0.25]
    colours = [bar.get_facecolor() for bar in axes.patches]
    assert colours[0] != colours[1]
    assert [text.get_text() for text in axes.texts] == ["+1.50", "\N{MINUS SIGN}0.25"]
    assert COLOURS["circRNA"] != COLOURS["lncRNA"]


def test_the_same_tracks_give_the_same_bytes_and_a_small_picture(tmp_path):
    tracks = make_tracks()
    figure = draw_tracks(tracks)
    assert svg_of(figure) == svg_of(draw_tracks(tracks))
    text = svg_of(figure)
    for words in (b"nt from the junction", b"position, nt", b"change of"):
        assert words in text
    save_small(figure, tmp_path / "small.webp")
    assert 5_000 < (tmp_path / "small.webp").stat().st_size <= PAGE_BYTES


def test_k_mers_of_both_classes_are_shown():
    table = pd.DataFrame(
        {
            "k": [3] * 30 + [6],
            "mean_attribution": [*range(15, 0, -1), *range(-1, -15, -1), 99, 5],
            "is_common": [True] * 29 + [False, True],
        }
    )
    found = shown_kmers(table, 3)["mean_attribution"]
    assert found.tolist() == [*range(15, 5, -1), *range(-5, -15, -1)]
