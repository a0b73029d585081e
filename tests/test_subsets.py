import numpy as np
import pandas as pd

from circlet.evaluation.subsets import CALIPERS, choose_subsets

ROWS = pd.DataFrame(
    [
        ("a", "circRNA", 6.0, 0.9),
        ("b", "lncRNA", 6.1, 0.91),
        ("c", "lncRNA", 6.0, 0.2),
        ("d", "circRNA", 9.0, 0.49),
        ("e", "lncRNA", 6.0, 0.5),
    ],
    columns=["id", "label", "log_length", "stop_free_linear_1"],
    index=[7, 3, 5, 1, 9],
)
DESCRIPTORS = ROWS.assign(stop_free_ring_1=ROWS["stop_free_linear_1"])[list(CALIPERS)]


def test_subsets_are_row_numbers():
    found = choose_subsets(ROWS, DESCRIPTORS, seed=0)
    assert {name: chosen.tolist() for name, chosen in found.items()} == {
        "matched": [0, 1],
        "low_stop_free": [2, 3],
    }


def test_the_order_of_the_rows_does_not_matter():
    order = [4, 2, 0, 3, 1]
    found = choose_subsets(ROWS.iloc[order], DESCRIPTORS.iloc[order], seed=0)
    assert {name: set(ROWS["id"].iloc[order].iloc[chosen]) for name, chosen in found.items()} == {
        "matched": {"a", "b"},
        "low_stop_free": {"c", "d"},
    }


def test_one_class_has_no_pairs():
    found = choose_subsets(ROWS[ROWS["label"] == "lncRNA"], DESCRIPTORS.iloc[[1, 2, 4]], seed=0)
    assert found["matched"].dtype == np.intp
    assert found["matched"].tolist() == []
    assert found["low_stop_free"].tolist() == [1]
