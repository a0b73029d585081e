from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from circlet.cli import main
from circlet.evaluation.curves import (
    MOST_POINTS,
    calibration_points,
    precision_recall_points,
    roc_points,
    score_counts,
    wilson_interval,
)
from circlet.evaluation.figures import FIGURES
from circlet.files import write_table

TRUTH = np.array([True, False, True, False])
P_CIRCRNA = np.array([0.9, 0.7, 0.6, 0.1])


def predictions(truth: np.ndarray, p_circrna: np.ndarray, part: str = "test") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"t{number}" for number in range(len(truth))],
            "source": "made_up",
            "label": np.where(truth, "circRNA", "lncRNA"),
            "part": part,
            "length": 300,
            "p_circrna": p_circrna,
            "call": np.where(p_circrna >= 0.5, "circRNA", "lncRNA"),
        }
    )


def simulate(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Weak scores, which make long curves."""
    rng = np.random.default_rng(seed)
    truth = rng.random(count) < 0.6
    return truth, 1 / (1 + np.exp(-rng.normal(np.where(truth, 0.3, -0.3))))


def draw(table: pd.DataFrame, folder: Path, name: str = "main") -> int:
    path = folder / "predictions.tsv.gz"
    write_table(path, table)
    flags = ["--predictions", str(path), "--part", "test", "--name", name]
    return main(["figures", *flags, "--output-dir", str(folder / "figures")])


def test_roc_points():
    points = roc_points(TRUTH, P_CIRCRNA)
    assert points["threshold"].tolist() == [np.inf, 0.9, 0.7, 0.6, 0.1]
    assert points["false_positive_rate"].tolist() == [0, 0, 0.5, 0.5, 1]
    assert points["true_positive_rate"].tolist() == [0, 0.5, 0.5, 1, 1]


def test_precision_recall_area_under_steps_is_average_precision():
    points = precision_recall_points(TRUTH, P_CIRCRNA)
    assert points["recall"].tolist() == [1, 1, 0.5, 0.5, 0]
    assert points["precision"].tolist() == pytest.approx([0.5, 2 / 3, 0.5, 1, 1])
    area = -(points["precision"][:-1] * np.diff(points["recall"])).sum()
    assert area == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_precision_recall_has_no_point_before_the_first_circrna():
    points = precision_recall_points(np.array([False, True]), np.array([0.9, 0.4]))
    assert points["recall"].tolist() == [1, 0]
    assert points["precision"].tolist() == [0.5, 0.5]


def test_long_curves_are_thinned_and_keep_their_ends():
    truth, p_circrna = simulate(20_000)
    roc = roc_points(truth, p_circrna)
    assert len(roc) == MOST_POINTS
    assert roc.iloc[0, 1:].tolist() == [0, 0]
    assert roc.iloc[-1, 1:].tolist() == [1, 1]
    recall = precision_recall_points(truth, p_circrna)["recall"]
    assert len(recall) == MOST_POINTS + 1
    assert (recall.iloc[0], recall.iloc[-1]) == (1, 0)


def test_wilson_interval():
    low, high = wilson_interval(np.array([5, 0, 10]), np.array([10, 10, 10]), 0.95)
    assert low == pytest.approx([0.23659, 0, 0.72247], abs=1e-5)
    assert high == pytest.approx([0.76341, 0.27753, 1], abs=1e-5)


def test_calibration_bins_hold_equal_counts():
    p_circrna = np.linspace(0.005, 0.995, 100)
    points = calibration_points(p_circrna > 0.25, p_circrna)
    assert points["transcripts"].tolist() == [10] * 10
    assert points["mean_p_circrna"].tolist() == pytest.approx(np.arange(0.05, 1, 0.1))
    assert points["circrna"].tolist() == [0, 0, 5] + [10] * 7
    assert points["fraction_circrna"].tolist() == [0, 0, 0.5] + [1] * 7
    assert (points["low"] <= points["fraction_circrna"]).all()
    assert (points["high"] >= points["fraction_circrna"]).all()


def test_calibration_of_few_transcripts_has_few_bins():
    p_circrna = np.linspace(0, 1, 22)
    assert calibration_points(p_circrna > 0.5, p_circrna)["transcripts"].tolist() == [6, 5, 5, 6]


def test_calibration_never_parts_equal_probabilities():
    p_circrna = np.array([0.2] * 30 + [0.8] * 10)
    points = calibration_points(p_circrna > 0.5, p_circrna)
    assert points["mean_p_circrna"].tolist() == pytest.approx([0.2, 0.8])
    assert points["transcripts"].tolist() == [30, 10]
    constant = calibration_points(TRUTH, np.full(4, 0.5))
    assert constant[["circrna", "transcripts"]].to_numpy().tolist() == [[2, 4]]


def test_score_counts_include_both_ends():
    counts = score_counts(np.array([True, True, False]), np.array([1.0, 0.97, 0.0]))
    assert counts["circRNA"].tolist() == [0] * 19 + [2]
    assert counts["lncRNA"].tolist() == [1] + [0] * 19


@pytest.mark.parametrize("count", [22, 8000])
def test_draws_small_files_for_small_and_large_samples(tmp_path, count):
    assert draw(predictions(*simulate(count)), tmp_path) == 0
    written = {path.name for path in (tmp_path / "figures").iterdir()}
    assert written == {f"{figure}.{kind}" for figure in FIGURES for kind in ("svg", "png", "tsv")}
    for figure in FIGURES:
        assert (tmp_path / "figures" / f"{figure}.svg").stat().st_size < 200_000
        assert (tmp_path / "figures" / f"{figure}.png").read_bytes()[:4] == b"\x89PNG"


def test_points_are_of_the_part_alone(tmp_path):
    others = predictions(~TRUTH, P_CIRCRNA, part="train").assign(id=list("abcd"))
    assert draw(pd.concat([predictions(TRUTH, P_CIRCRNA), others]), tmp_path) == 0
    points = pd.read_csv(tmp_path / "figures/roc.tsv", sep="\t")
    assert points["true_positive_rate"].tolist() == [0, 0.5, 0.5, 1, 1]


def test_same_predictions_give_same_bytes(tmp_path, monkeypatch):
    table = predictions(*simulate(60))
    assert draw(table, tmp_path / "a") == 0
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    assert draw(table, tmp_path / "b") == 0
    for path in (tmp_path / "a/figures").iterdir():
        assert path.read_bytes() == (tmp_path / "b/figures" / path.name).read_bytes(), path.name


def test_a_dollar_sign_in_a_name_is_no_formula(tmp_path):
    assert draw(predictions(TRUTH, P_CIRCRNA), tmp_path, name=r"$\frac{$") == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p_circrna": [0.9, 1.7, 0.6, 0.1]}, "t1: p_circrna is not a probability"),
        ({"p_circrna": ["0.9", "0.7", "", "0.1"]}, "t2: p_circrna is not a probability"),
        ({"label": ["circRNA", "mRNA", "circRNA", "lncRNA"]}, "t1: label is not lncRNA or circRNA"),
        ({"label": "circRNA"}, "the part test has no lncRNA"),
        ({"part": "train"}, "the part test has no lncRNA and no circRNA"),
    ],
)
def test_bad_predictions_are_refused(tmp_path, capsys, change, message):
    assert draw(predictions(TRUTH, P_CIRCRNA).assign(**change), tmp_path) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "figures").exists()
