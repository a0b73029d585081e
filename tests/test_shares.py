import numpy as np
import pytest

from circlet.descriptors import DESCRIPTORS
from circlet.evaluation.explain.shares import descriptor_table, words
from circlet.model.attribution import Attribution


def test_descriptors_are_told_by_group():
    values = np.zeros(336)
    values[[0, 1, 7, 8, 16, 271, 272, 335]] = range(1, 9)
    found = Attribution(np.array([0.5, 0.25]), np.array([0.0, -2.0]), values, 0.0, np.ones(2) > 0)
    table = descriptor_table(found, np.arange(356.0)).set_index(["group", "descriptor"])
    worth = table["attribution"]
    assert worth["k-mers", "all"] == 0.75
    assert worth["k-mers at the ends", "all"] == -2
    assert worth["length", "log_length"] == 1
    assert worth["stop-free stretches", "stop_free_linear_1"] == 2
    assert worth["GC", "gc"] == 3
    assert worth["end bases", "first_1"] == 4
    assert (worth["4-mers", "AAAA"], worth["4-mers", "TTTT"]) == (5, 6)
    assert (worth["codons", "AAA"], worth["codons", "TTT"]) == (7, 8)
    assert table.loc[("codons", "TTT"), "value"] == 335
    assert worth.sum() == pytest.approx(found.total)
    assert len(table) == 2 + len(DESCRIPTORS) + len(words(4)) + len(words(3))
