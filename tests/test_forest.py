from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from circlet.cli import main
from circlet.evaluation.comparison import COUNT_COLUMNS, SCORE_COLUMNS, TEXT_COLUMNS
from circlet.evaluation.forest import blocks_of, draw, label_of, points_of
from circlet.evaluation.literature import read_literature
from circlet.files import read_table, write_table

SVG = "{http://www.w3.org/2000/svg}"


def row(name: str, auroc: float, kind: str = "baseline", scheme: str = "gene", part: str = "test"):
    """A row of the comparison, its MCC the AUROC's half."""
    texts = dict(zip(TEXT_COLUMNS, (name, kind, scheme, part, part), strict=True))
    scores = dict.fromkeys(SCORE_COLUMNS, 0.25)
    for metric, value in (("auroc", auroc), ("mcc", auroc / 2)):
        limits = {f"{metric}_low": value - 0.125, f"{metric}_high": value + 0.0625}
        scores |= {metric: value} | limits
    return texts | dict(zip(COUNT_COLUMNS, (30, 20, 25), strict=True)) | scores


ROWS = [
    row("length", 0.625, scheme="random"),
    row("length", 0.5),
    row("main", 0.875, kind="run"),
    row("length", 0.375, part="hard"),
    row("memoriser", 0.75, scheme="random"),
    row("main", 0.25, kind="run", part="hard"),
]


@pytest.fixture
def points() -> pd.DataFrame:
    return points_of(pd.DataFrame(ROWS), read_literature())


def run(folder: Path, rows: list[dict]) -> Path:
    write_table(folder / "comparison.tsv", pd.DataFrame(rows))
    flags = ["--comparison", str(folder / "comparison.tsv"), "--output-dir", str(folder / "out")]
    assert main(["forest", *flags]) == 0
    return folder / "out"


def test_best_comes_first_in_each_block_and_splits_of_runs_before_others(points):
    ours = points[points["test_set"] != "literature"]
    assert ours[["test_set", "scheme", "name"]].to_numpy().tolist() == [
        ["test", "gene", "main"],
        ["test", "gene", "length"],
        ["test", "random", "memoriser"],
        ["test", "random", "length"],
        ["hard", "gene", "length"],
        ["hard", "gene", "main"],
    ]
    headings = [block.heading for block in blocks_of(points)]
    assert headings == [
        "Test part, split gene: 30 circRNAs, 20 others",
        "Test part, split random: 30 circRNAs, 20 others",
        "Hard negatives, split gene: 30 circRNAs, 20 others",
        "Published, each on a test set of its own: not comparable row by row",
    ]


def test_the_test_set_is_taken_where_the_comparison_tells_it():
    table = pd.DataFrame([row("main", 0.5, kind="run"), row("main", 0.75, kind="run")])
    table = table.assign(test_set=["matched", "mouse"], part=["test", "external"])
    points = points_of(table, read_literature())
    assert points["test_set"].tolist()[:2] == ["matched", "mouse"]
    assert [block.heading.split(",")[0] for block in blocks_of(points)[:2]] == [
        "Matched subset",
        "External set mouse",
    ]


def test_points_are_the_scores_of_the_comparison_and_of_the_literature(tmp_path):
    found = read_table(run(tmp_path, ROWS) / "forest.tsv")
    best = found.iloc[0]
    assert best[["auroc", "auroc_low", "auroc_high"]].tolist() == [0.875, 0.75, 0.9375]
    assert best[["mcc", "mcc_low", "mcc_high"]].tolist() == [0.4375, 0.3125, 0.5]
    theirs = found[found["test_set"] == "literature"].set_index("name")
    literature = read_literature().set_index("name")
    for metric in ("auroc", "mcc", "accuracy"):
        expected = literature.loc[theirs.index, metric].to_numpy()
        np.testing.assert_array_equal(theirs[metric], expected)
    assert theirs[["auroc_low", "mcc_low", "mcc_high"]].isna().all().all()
    assert theirs["mcc"].dropna().is_monotonic_decreasing
    assert set(theirs["kind"]) == {"quoted", "rerun"}


def test_labels_of_the_literature_tell_the_split_and_that_it_is_quoted(points):
    labels = points[points["test_set"] == "literature"].apply(label_of, axis=1).tolist()
    assert "circDeep, sequence network alone (split: random; quoted)" in labels
    assert "Circ-ATTEN-MIL (split: random; rerun)" in labels
    assert "H-ELM (split not stated; quoted)" in labels
    assert label_of(points.iloc[0]) == "main"


def test_published_markers_are_hollow_and_have_no_interval(points):
    figure = draw(points)
    auroc, mcc = figure.axes
    faces = {tuple(line.get_ydata()): line.get_markerfacecolor() for line in mcc.lines}
    solid = [places for places, face in faces.items() if face not in ("white", "None")]
    first = min(places[0] for places, face in faces.items() if face == "white")
    last = max(max(places) for places in solid if len(places) and places != (0, 1))
    assert last < first
    intervals = [len(lines.get_segments()) for lines in auroc.collections]
    assert sum(intervals) == len(ROWS)


def test_height_grows_with_the_rows(points):
    many = [row(f"baseline{n}", n / 64, scheme=scheme) for n in range(8) for scheme in "abcde"]
    few = draw(points).get_figheight()
    high = draw(points_of(pd.DataFrame(ROWS + many), read_literature())).get_figheight()
    assert high - few == pytest.approx(0.19 * (40 + 5 * 1.6))


def test_same_bytes_each_time_and_the_svg_is_sound(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    rows = [*ROWS, row("cost$5$", float("nan"))]
    first, second = (run(tmp_path / name, rows) for name in "ab")
    for name in ("forest.svg", "forest.png", "forest.tsv"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    root = ElementTree.parse(first / "forest.svg").getroot()
    assert root.tag == f"{SVG}svg"
