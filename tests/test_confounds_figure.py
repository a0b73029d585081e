from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from circlet.cli import main
from circlet.errors import InputError
from circlet.evaluation.confounds_figure import draw, read_confounds
from circlet.files import write_table
from circlet.tables import CONFOUND_COLUMNS

ROWS = [
    ("gene", "test", "length", 9, 8, 0.75, 0.625, 0.875),
    ("random", "test", "length", 9, 8, 0.5, np.nan, np.nan),
    ("gene", "test", "boosting", 9, 8, 1.0, 0.9375, 1.0),
    ("gene", "hard", "length", 9, 7, 0.25, 0.125, 0.375),
]


def write(folder: Path, rows: list[tuple]) -> Path:
    path = folder / "confounds.tsv"
    write_table(path, pd.DataFrame(rows, columns=list(CONFOUND_COLUMNS)))
    return path


def test_a_panel_a_test_set_and_a_row_a_split_of_each_descriptor(tmp_path):
    test, hard = draw(read_confounds(write(tmp_path, ROWS))).axes
    assert (test.get_title("left"), hard.get_title("left")) == (
        "test part",
        "hard negatives,\ntaught on lncRNAs",
    )
    assert [label.get_text() for label in test.get_yticklabels()] == ["gene", "random", "gene"]
    assert [text.get_text() for text in test.texts] == ["Length", "All 16 descriptors, boosting"]
    for axes, scores in ((test, [0.75, 0.5, 1.0]), (hard, [0.25, np.nan, np.nan])):
        points = [line.get_xdata() for line in axes.lines if line.get_marker() == "s"]
        np.testing.assert_array_equal(np.concatenate(points), scores)
    intervals = [lines.get_segments() for lines in test.collections]
    assert [segment[:, 0].tolist() for lines in intervals for segment in lines] == [
        [0.625, 0.875],
        [0.9375, 1.0],
    ]


def test_same_bytes_each_time_and_the_svg_is_sound(tmp_path):
    path = write(tmp_path, ROWS)
    pictures = []
    for name in "ab":
        folder = tmp_path / name
        assert (
            main(["confounds-figure", "--confounds", str(path), "--output-dir", str(folder)]) == 0
        )
        pictures.append([(folder / f"confounds.{kind}").read_bytes() for kind in ("svg", "png")])
    assert pictures[0] == pictures[1]
    ElementTree.fromstring(pictures[0][0])


@pytest.mark.parametrize(
    ("rows", "told"), [([], "no rows"), ([(*ROWS[0][:5], "high", 0, 1)], "not a number")]
)
def test_refuses_another_table(tmp_path, rows, told):
    with pytest.raises(InputError, match=told):
        read_confounds(write(tmp_path, rows))
