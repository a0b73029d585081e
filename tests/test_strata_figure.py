from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from circlet.cli import main
from circlet.errors import InputError
from circlet.evaluation.row_plot import height_of
from circlet.evaluation.strata_figure import blocks_of, columns_of, draw, read_strata
from circlet.files import write_table
from circlet.tables import STRATUM_COLUMNS


def row(description: str, stratum: str, auroc: float = 0.75) -> dict:
    about = {"name": "m$5$", "scheme": "gene", "part": "test"}
    limits = {"auroc": auroc, "auroc_low": auroc - 0.125, "auroc_high": auroc + 0.125}
    found = about | {"description": description, "stratum": stratum}
    found |= {"n_circrna": 1234, "n_lncrna": 20, "n_groups": 9}
    return dict.fromkeys(STRATUM_COLUMNS, 0.0) | found | limits


SMALL = [
    row("all", "all", 0.875),
    row("length", "up to 299"),
    row("length", "300 and more", np.nan),
    row("chrom", "chr2", 0.5),
]
# As many as a real run has.
LARGE = [
    *SMALL[:3],
    *(row("gc", str(number)) for number in range(20)),
    *(row("chrom", f"chr{number}") for number in range(1, 25)),
]


def write(folder: Path, rows: list[dict]) -> Path:
    path = folder / "strata.tsv"
    write_table(path, pd.DataFrame(rows))
    return path


def test_points_are_the_scores_of_the_table(tmp_path):
    figure = draw(read_strata(write(tmp_path, SMALL)))
    (axes,) = figure.axes
    points = [line.get_xydata() for line in axes.lines if line.get_marker() == "o"]
    found = np.concatenate(points)
    np.testing.assert_allclose(found[:, 0], [0.875, 0.75, np.nan, 0.5])
    np.testing.assert_allclose(found[:, 1], [1, 3.6, 4.6, 7.2])
    intervals = [lines.get_segments() for lines in axes.collections]
    assert [segment[:, 0].tolist() for lines in intervals for segment in lines] == [
        [0.75, 1.0],
        [0.625, 0.875],
        [0.375, 0.625],
    ]


def test_all_transcripts_are_a_line_and_a_band_through_all_rows(tmp_path):
    (axes,) = draw(read_strata(write(tmp_path, SMALL))).axes
    lines = [line.get_xdata() for line in axes.lines if line.get_linestyle() == "-"]
    assert [0.875, 0.875] in lines
    (band,) = axes.patches
    assert (band.get_x(), band.get_width()) == (0.75, 0.25)


def test_counts_stand_beside_all_strata_and_tell_where_there_is_no_score(tmp_path):
    (axes,) = draw(read_strata(write(tmp_path, SMALL))).axes
    texts = [text.get_text() for text in axes.texts]
    assert texts.count("1,234 / 20") == 4
    assert texts.count("too few to score") == 1
    assert {"All transcripts", "Length, nt", "Chromosome"} < set(texts)
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "all",
        "up to 299",
        "300 and more",
        "chr2",
    ]


def test_many_strata_take_two_columns_that_are_read_down_in_order(tmp_path):
    strata = read_strata(write(tmp_path, LARGE))
    blocks = blocks_of(strata)
    assert len(columns_of(blocks[:2])) == 1
    left, right = columns_of(blocks)
    assert [block.heading for block in left] == [block.heading for block in blocks[:3]]
    assert [block.heading for block in right] == ["Chromosome"]
    figure = draw(strata)
    assert len(figure.axes) == 2
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert figure.get_figheight() < 0.19 * (height_of(blocks) - 5)


def test_same_bytes_each_time_and_the_svg_is_sound(tmp_path):
    path = write(tmp_path, SMALL)
    pictures = []
    for name in "ab":
        flags = ["--strata", str(path), "--output-dir", str(tmp_path / name)]
        assert main(["strata-figure", *flags]) == 0
        pictures.append(
            [(tmp_path / name / f"strata.{kind}").read_bytes() for kind in ("svg", "png")]
        )
    assert pictures[0] == pictures[1]
    ElementTree.fromstring(pictures[0][0])


@pytest.mark.parametrize(
    ("rows", "told"),
    [(SMALL[1:], "not one row"), ([SMALL[0] | {"auroc": "high"}], "not a number")],
)
def test_refuses_another_table(tmp_path, rows, told):
    with pytest.raises(InputError, match=told):
        read_strata(write(tmp_path, rows))
