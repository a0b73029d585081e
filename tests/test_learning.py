from pathlib import Path
from xml.etree import ElementTree

import pytest

from circlet.cli import main
from circlet.evaluation.learning import COLUMNS, draw, read_epochs
from circlet.files import read_table, write_json


def record(seed: int, best: int | None, losses: list[float]) -> dict:
    epochs = [
        {
            "epoch": number,
            "train_loss": loss,
            "validation_loss": loss + 0.25,
            "validation_auroc": 1 - loss / 2,
            "seconds": 1.5,
        }
        for number, loss in enumerate(losses, 1)
    ]
    return {"seed": seed, "best_epoch": best, "epochs": epochs}


RECORDS = [record(7, 2, [0.5, 0.25, 0.375]), record(3, 1, [0.75, 1.0])]


def run(folder: Path, records: object) -> int:
    write_json(folder / "training.json", records)
    flags = ["--training", str(folder / "training.json"), "--name", "m$5$"]
    return main(["learning", *flags, "--output-dir", str(folder / "out")])


def test_points_are_the_epochs_of_all_seeds_with_the_kept_one_marked(tmp_path):
    assert run(tmp_path, RECORDS) == 0
    found = read_table(tmp_path / "out/learning.tsv")
    assert tuple(found.columns) == COLUMNS
    assert found.to_numpy().tolist() == [
        [7, 1, 0.5, 0.75, 0.75, False],
        [7, 2, 0.25, 0.5, 0.875, True],
        [7, 3, 0.375, 0.625, 0.8125, False],
        [3, 1, 0.75, 1.0, 0.625, True],
        [3, 2, 1.0, 1.25, 0.5, False],
    ]


def test_a_line_a_seed_with_its_name_and_a_ring_about_the_kept_epoch(tmp_path):
    write_json(tmp_path / "training.json", RECORDS)
    figure = draw(read_epochs(tmp_path / "training.json"), "main")
    auroc = figure.axes[2]
    drawn = [line.get_xydata().tolist() for line in auroc.lines]
    assert drawn == [
        [[1, 0.75], [2, 0.875], [3, 0.8125]],
        [[2, 0.875]],
        [[1, 0.625], [2, 0.5]],
        [[1, 0.625]],
    ]
    assert [text.get_text() for text in auroc.texts] == ["seed 7", "seed 3"]
    curves = auroc.lines[0], auroc.lines[2]
    assert (
        len({(line.get_color(), line.get_linestyle(), line.get_marker()) for line in curves}) == 2
    )


def test_both_losses_have_one_scale(tmp_path):
    write_json(tmp_path / "training.json", RECORDS)
    train, validation, _ = draw(read_epochs(tmp_path / "training.json"), "main").axes
    assert train.get_ylim() == validation.get_ylim()
    assert train.get_ylim()[0] == 0


def test_a_training_without_an_epoch_is_told(tmp_path):
    assert run(tmp_path, [record(1, None, [])]) == 0
    assert read_table(tmp_path / "out/learning.tsv").empty
    assert "no epoch" in (tmp_path / "out/learning.svg").read_text()


def test_same_bytes_each_time_and_the_svg_is_sound(tmp_path):
    pictures = []
    for name in "ab":
        (tmp_path / name).mkdir()
        assert run(tmp_path / name, RECORDS) == 0
        written = [tmp_path / name / f"out/learning.{kind}" for kind in ("svg", "png", "tsv")]
        pictures.append([path.read_bytes() for path in written])
    assert pictures[0] == pictures[1]
    ElementTree.fromstring(pictures[0][0])


@pytest.mark.parametrize("records", [{"seed": 1}, [{"seed": 1}], [{"seed": 1, "epochs": [{}]}]])
def test_refuses_what_is_no_training(tmp_path, capsys, records):
    assert run(tmp_path, records) == 2
    assert "not the records of trainings" in capsys.readouterr().err
