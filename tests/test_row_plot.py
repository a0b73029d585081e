import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from circlet.evaluation.row_plot import (
    Block,
    blocks_by,
    draw_points,
    height_of,
    in_words,
    lay_out,
    limits,
    new_figure,
    place,
)

ROWS = pd.DataFrame(
    {"auroc": [0.75, np.nan, 0.5], "auroc_low": [0.5, np.nan, np.nan], "auroc_high": [1, 1, np.nan]}
)


def test_rows_are_divided_in_their_order_and_without_a_heading_bear_their_own_name():
    table = pd.DataFrame({"of": ["gc", "a", "gc"], "auroc": [0.5, 0.75, 1.0]})
    blocks = blocks_by(table, "of", {"gc": "GC content"})
    found = [(block.heading, block.rows["auroc"].tolist()) for block in blocks]
    assert found == [("GC content", [0.5, 1.0]), ("a", [0.75])]


def test_blocks_are_placed_below_each_other_with_a_heading_and_a_gap():
    blocks = [Block("a", ROWS), Block("b", ROWS.head(1))]
    places = [(heading, rows.tolist()) for heading, rows in place(blocks)]
    assert places == [(0, [1, 2, 3]), (pytest.approx(4.6), [pytest.approx(5.6)])]
    assert height_of(blocks) == pytest.approx(4 + 0.6 + 2)


def test_panels_have_their_widths_in_inches_and_share_rows_where_asked():
    widths = (1.5, 2.0, 0.5, 1.0, 3.0)
    figure, panels = new_figure(10, widths, share=True)
    assert figure.get_figwidth() == 8
    boxes = [panel.get_position() for panel in panels]
    assert [8 * box.x0 for box in boxes] == pytest.approx([1.5, 4.0])
    assert [8 * box.width for box in boxes] == pytest.approx([2.0, 1.0])
    assert panels[1].get_shared_y_axes().joined(*panels)
    _, panels = new_figure(10, widths, share=False)
    assert not panels[1].get_shared_y_axes().joined(*panels)


def test_names_stand_at_their_rows_from_the_top():
    axes = Figure().add_subplot()
    lay_out(axes, [Block("a", ROWS), Block("b", ROWS.head(1))], [["x", "y", "$z$"], ["w"]], 9)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["x", "y", "$z$", "w"]
    bottom, top = axes.get_ylim()
    assert (bottom, top) == (pytest.approx(8.7), pytest.approx(-0.7))


def test_an_interval_is_drawn_where_there_is_one():
    axes = Figure().add_subplot()
    draw_points(axes, ROWS, "auroc", np.arange(3), "#000000", "o", hollow=True)
    assert [segment.tolist() for segment in axes.collections[0].get_segments()] == [
        [[0.5, 0], [1.0, 0]]
    ]
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [0.75, np.nan, 0.5])
    assert axes.lines[0].get_markerfacecolor() == "white"


def test_scores_in_words():
    words = [in_words(row, "auroc") for _, row in ROWS.iterrows()]
    assert words == ["0.750 [0.500, 1.000]", "\N{EN DASH}", "0.500"]
    negative = pd.Series({"mcc": -0.25, "mcc_low": -0.5, "mcc_high": 0.0})
    assert in_words(negative, "mcc") == "\u22120.250 [\u22120.500, 0.000]"


@pytest.mark.parametrize(
    ("values", "low"),
    [([0.75, np.nan], 0.7), ([0.7], 0.6), ([-0.05], -0.1), ([0.99], 0.9), ([], 0.4)],
)
def test_limits_begin_at_a_tenth_below_the_lowest(values, low):
    assert limits(values) == (pytest.approx(low), 1.01)
