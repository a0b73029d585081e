"""A short campaign of `make fuzz` over each parser of the data wing; that it would tell faults."""

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "fuzz"))

from damage import harm, vary
from parser_campaign import tries
from parsers import PARSERS, Parser

from circlet.data.records import Record
from circlet.errors import InputError

TRIES = {"external": 25}  # it takes long


@pytest.mark.parametrize("name", PARSERS)
def test_each_input_is_read_right_or_refused(tmp_path, name):
    faults, most = {}, TRIES.get(name, 150)
    ends = tries(name, 1, most, float("inf"), tmp_path, faults)
    assert faults == {}
    assert ends.total() == most
    assert min(ends[end] for end in ("read", "refused", "varied")) > 0


def fasta_parser(read):
    return Parser(PARSERS["fasta"].files, read, PARSERS["fasta"].check)


def crash(folder):
    raise KeyError(folder)


def refuse(folder):
    raise InputError(folder / "fasta", "a\nproblem", "mend")


def good_once(then):
    """Read as the parser of FASTA does the first time, and later otherwise."""
    good, calls = PARSERS["fasta"].read, []

    def read(folder):
        calls.append(folder)
        return good(folder) if len(calls) == 1 else then(folder)

    return read


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda folder: [Record("a", "ACGT")], "other records than in the file"),
        (lambda folder: [Record("a\x1b", "ACGT")], "id "),
        (lambda folder: [Record("a", "ACGT", start=9, end=3)], "place 9 to 3"),
        (crash, "KeyError"),
    ],
)
def test_faults_are_told_and_kept(tmp_path, monkeypatch, read, words):
    monkeypatch.setitem(PARSERS, "fasta", fasta_parser(good_once(read)))
    faults = {}
    ends = tries("fasta", 1, 12, float("inf"), tmp_path, faults)
    assert ends["in a fault"] == 12
    assert any(words in kind for kind in faults)
    kept = Path(next(iter(faults.values())))
    assert {path.name for path in kept.iterdir()} == {"fasta", "traceback.txt"}


def test_what_is_refused_though_it_is_whole_is_a_fault(tmp_path, monkeypatch):
    monkeypatch.setitem(PARSERS, "fasta", fasta_parser(good_once(refuse)))
    faults = {}
    ends = tries("fasta", 1, 40, float("inf"), tmp_path, faults)
    assert ends["refused"] + ends["in a fault"] == 40
    assert "FaultError refused, though" in next(iter(faults))


def test_damage_is_the_same_for_a_seed_and_variants_are_text():
    content = PARSERS["gencode"].files["gtf"]
    harmed = [harm(random.Random(5), content) for _ in range(2)]
    assert harmed[0] == harmed[1] != content
    varied = vary(random.Random(5), content, False).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert varied.removeprefix(b"\xef\xbb\xbf").rstrip(b"\n") == content.rstrip(b"\n")
