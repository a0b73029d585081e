import logging

import pandas as pd
import pytest

from circlet.errors import InputError
from circlet.evaluation.held_out import common_test_sets, load_other
from circlet.files import write_table
from circlet.tables import PREDICTION_COLUMNS

RUN = pd.DataFrame(
    [
        ("a", "x", "circRNA", "test", 300, 0.9, "circRNA", "g"),
        ("b", "x", "circRNA", "test", 300, 0.4, "lncRNA", "h"),
        ("c", "y", "lncRNA", "test", 300, 0.6, "circRNA", "h"),
        ("d", "y", "lncRNA", "test", 300, 0.1, "lncRNA", "i"),
        ("e", "y", "lncRNA", "train", 300, 0.2, "lncRNA", "j"),
        ("f", "z", "lncRNA", "hard", 300, 0.8, "circRNA", "k"),
        ("k", "z", "lncRNA", "hard", 300, 0.8, "circRNA", "l"),
    ],
    columns=[*PREDICTION_COLUMNS, "group"],
    index=[10, 11, 12, 13, 14, 15, 16],
)


def other(path, **changes):
    """The rival's predictions: its rows in another order, probabilities turned round."""
    table = RUN[list(PREDICTION_COLUMNS)].assign(p_circrna=1 - RUN["p_circrna"])
    table = table.set_index("id")
    for name, part in changes.items():
        table.loc[name, "part"] = part
    write_table(path, table.reset_index()[::-1][list(PREDICTION_COLUMNS)])
    return path


def test_common_rows_are_held_out_of_both(tmp_path):
    path = other(tmp_path / "o.tsv.gz", b="train", d="validation", e="test", k="unused")
    found = load_other(path, RUN, "run.tsv.gz", "test")
    assert found["id"].tolist() == ["a", "c", "f"]
    assert found.index.tolist() == [10, 12, 15]
    # The rival's probabilities, the run's groups.
    assert found["p_circrna"].tolist() == pytest.approx([0.1, 0.4, 0.2])
    assert found["group"].tolist() == ["g", "h", "k"]


def test_rows_of_a_part_that_is_not_scored_are_not_common(tmp_path):
    path = other(tmp_path / "o.tsv.gz")
    assert load_other(path, RUN, "run.tsv.gz", "validation")["id"].tolist() == ["f", "k"]


def test_a_rival_that_lacks_rows_is_met_on_the_others(tmp_path):
    path = tmp_path / "o.tsv.gz"
    write_table(path, RUN[list(PREDICTION_COLUMNS)][1:4])
    assert load_other(path, RUN, "run.tsv.gz", "test")["id"].tolist() == ["b", "c", "d"]


def test_another_label_or_a_repeated_id_is_refused(tmp_path):
    path = tmp_path / "o.tsv.gz"
    table = RUN[list(PREDICTION_COLUMNS)]
    write_table(path, table.assign(label=table["label"].mask(table["id"] == "c", "circRNA")))
    with pytest.raises(InputError, match=r"c: label is another than in run\.tsv\.gz"):
        load_other(path, RUN, "run.tsv.gz", "test")
    write_table(path, pd.concat([table, table[2:3]]))
    with pytest.raises(InputError, match="c: the id occurs more than once"):
        load_other(path, RUN, "run.tsv.gz", "test")


def test_test_sets_of_common_rows(caplog):
    caplog.set_level(logging.INFO)
    subsets = {"matched": pd.Series(["a", "d", "e"]), "low_stop_free": pd.Series(["a", "b"])}
    common = RUN.drop(index=[11, 14, 16])
    found = common_test_sets("o", common, "test", subsets, "o.tsv.gz")
    assert {name: index.tolist() for name, index in found.items()} == {
        "test": [10, 12, 13],
        "matched": [10, 13],
        "hard": [10, 15],
    }
    assert common_test_sets("o", common.drop(index=10), "test", subsets, "o.tsv.gz") == {}
    said = "o held out 2 rows of the part test, not of both classes: no comparison"
    assert caplog.messages[-1] == said
