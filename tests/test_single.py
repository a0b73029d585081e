import pandas as pd
import pytest

from circlet.evaluation.explain.single import name_rows, stem_of


@pytest.mark.parametrize(
    ("rank", "count", "name", "expected"),
    [
        (3, 26, "ENST00000445753.1", "03_ENST00000445753.1"),
        (1, 1, "../a b|c", "1_.._a_b_c"),
        (7, 100, "x" * 99, "007_" + "x" * 60),
    ],
)
def test_names_of_files_are_safe(rank, count, name, expected):
    assert stem_of(rank, count, name) == expected


def test_ranks_and_names_are_of_all():
    asked = pd.DataFrame(
        {"id": [f"t{row}" for row in range(10)], "label": None, "doubt": float("nan")}
    )
    rows = name_rows(asked)
    assert [row["rank"] for row in rows] == list(range(1, 11))
    assert (rows[0]["stem"], rows[9]["stem"]) == ("01_t0", "10_t9")
    assert rows[0]["doubt"] is None
