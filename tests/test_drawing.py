import pytest

from circlet.drawing import KIND_STYLES, LINE_STYLES, spread


@pytest.mark.parametrize(
    ("places", "moved"),
    [
        ([], []),
        ([0.5], [0.5]),
        ([0.0, 1.0], [0.0, 1.0]),  # far enough apart
        ([0.5, 0.5], [0.25, 0.75]),
        ([1.0, 0.75], [1.125, 0.625]),  # the order stays
        ([0.0, 0.25, 3.0], [-0.125, 0.375, 3.0]),
        ([0.0, 0.5, 0.75], [-0.0833333, 0.4166667, 0.9166667]),  # a crowd takes in the next
    ],
)
def test_spread_keeps_order_and_least_distance(places, moved):
    assert spread(places, 0.5) == pytest.approx(moved)


def test_kinds_and_lines_differ_in_colour_and_in_marker():
    for styles in (list(KIND_STYLES.values()), LINE_STYLES):
        assert len({style[0] for style in styles}) == len(styles)
        assert len({style[-1] for style in styles}) == len(styles)
