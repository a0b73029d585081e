import pickle
from pathlib import Path

import pytest

from circlet.errors import InputError


@pytest.mark.parametrize(
    ("where", "record", "message"),
    [
        ("a.fa", None, "a.fa: is empty; give another"),
        (Path("in") / "a.fa", "t1", "in/a.fa: t1: is empty; give another"),
        ("a.fa", 0, "a.fa: 0: is empty; give another"),
    ],
)
def test_names_place_problem_and_mend(where, record, message):
    assert str(InputError(where, "is empty", "give another", record)) == message


def test_is_one_line_whatever_its_parts_are():
    error = InputError("a.fa", "not read (first\n  second\r\nthird)", "mend\tit\n", "line 1\n")
    assert str(error) == "a.fa: line 1 : not read (first second third); mend it"


def test_arrives_from_another_process():
    error = InputError("a.fa", "is empty", "give another", "t1")
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is InputError
    assert str(found) == str(error)


def test_a_longer_mend():
    error = InputError("a.fa", "is empty", "give another", "t1").with_mend("or none")
    assert type(error) is InputError
    assert str(error) == "a.fa: t1: is empty; give another; or none"


def test_another_name_of_the_place():
    error = InputError("/tmp/x", "is empty", "give another", "t1").at("mine.fa")
    assert type(error) is InputError
    assert str(error) == "mine.fa: t1: is empty; give another"


def test_nothing_that_a_terminal_obeys_is_printed():
    error = InputError("a\x1b[2J.fa", "x\u202ey", "mend", "\x07")
    assert str(error) == "a\\x1b[2J.fa: \\x07: x\\u202ey; mend"


def test_what_a_file_makes_too_long_is_cut():
    error = InputError("a.fa", "p" * 600, "mend", "r" * 501)
    assert str(error) == f"a.fa: {'r' * 500}\u2026: {'p' * 500}\u2026; mend"
