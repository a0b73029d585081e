import pytest

from circlet.cli import main
from circlet.files import read_table, write_json


def _write(folder, trial, auroc, loss=0.5, **settings):
    """Write the record of a trial whose second epoch is its best."""
    worse = {"validation_auroc": 0.25, "validation_loss": 0.75}
    record = {
        "network": {"dropout": settings.pop("dropout", 0.5)},
        "learning_rate": 0.125,
        "epochs": [worse, {"validation_auroc": auroc, "validation_loss": loss}, worse],
        "best_epoch": 2,
        "parameters": 100,
        "seconds": 1.5,
        **settings,
    }
    path = folder / trial / "seed1.json"
    path.parent.mkdir()
    write_json(path, record)
    return str(path)


def search(folder, paths):
    output = folder / "search.tsv"
    flags = ["--settings", "dropout", "learning_rate", "--output", str(output)]
    return main(["search", "--records", *paths, *flags]), output


def test_trials_come_best_first_with_what_they_tried(tmp_path):
    paths = [
        _write(tmp_path, "0", 0.75, dropout=0.25),
        _write(tmp_path, "1", 0.875, loss=0.5),
        _write(tmp_path, "2", 0.875, loss=0.25, learning_rate=0.0625),
    ]
    code, output = search(tmp_path, paths)
    assert code == 0
    found = read_table(output)
    assert list(found.columns) == [
        *("trial", "dropout", "learning_rate", "validation_auroc", "validation_loss"),
        *("best_epoch", "parameters", "seconds"),
    ]
    assert found["trial"].tolist() == [2, 1, 0]
    assert found["dropout"].tolist() == [0.5, 0.5, 0.25]
    assert found["learning_rate"].tolist() == [0.0625, 0.125, 0.125]
    assert found["validation_auroc"].tolist() == [0.875, 0.875, 0.75]
    assert found["validation_loss"].tolist() == [0.25, 0.5, 0.5]
    assert set(found["best_epoch"]) == {2}


@pytest.mark.parametrize(
    "damage", [{"best_epoch": 4}, {"epochs": []}, {"network": None}, {"network": {}}]
)
def test_damaged_record_is_one_clear_line(tmp_path, damage, capsys):
    path = _write(tmp_path, "0", 0.75, **damage)
    code, output = search(tmp_path, [path])
    assert code == 2
    error = capsys.readouterr().err
    assert path in error
    assert "not the record of a training" in error
    assert error.count("\n") == 1
    assert not output.exists()
