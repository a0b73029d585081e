import pandas as pd
import pytest

from circlet.errors import InputError
from circlet.parts import with_parts

SPLIT = pd.DataFrame(
    {"id": ["a", "b"], "group": ["g", "h"], "part": ["train", "test"]}, dtype="string"
)


def test_joins_by_id_in_the_order_of_the_table():
    table = pd.DataFrame({"id": ["b", "a"], "part": ["?", "?"], "x": [1, 2]})
    joined = with_parts(table, SPLIT, "t", "s")
    assert joined.to_dict("list") == {
        "id": ["b", "a"],
        "x": [1, 2],
        "group": ["h", "g"],
        "part": ["test", "train"],
    }


def test_what_else_a_split_tells_may_be_missing():
    split = SPLIT.assign(fold=[None, 1], sequence=["ACGT", None])
    joined = with_parts(pd.DataFrame({"id": ["a", "b"]}), split, "t", "s")
    assert joined["part"].tolist() == ["train", "test"]


@pytest.mark.parametrize(
    ("ids", "split", "message"),
    [
        (["a", "b", "c"], SPLIT, "t: c: not in s"),
        (["a"], SPLIT, "s: b: not in t"),
        (["a", "b", "a"], SPLIT, "t: a: the id occurs more than once"),
        (["a", "b"], pd.concat([SPLIT, SPLIT[:1]]), "s: a: the id occurs more than once"),
        (["a", "b"], SPLIT.assign(group=["g", None]), "s: b: without group or part"),
        (["a", "b"], SPLIT.assign(part=[None, "test"]), "s: a: without group or part"),
    ],
)
def test_refuses_tables_that_do_not_fit(ids, split, message):
    with pytest.raises(InputError, match=f"^{message};"):
        with_parts(pd.DataFrame({"id": ids}), split, "t", "s")
