import logging

import numpy as np
import pandas as pd
import pytest

from circlet.evaluation.explain.sanity import correlate, judge


def test_correlations_are_of_values_and_of_sizes():
    worth = np.array([1.0, -2.0, 3.0, -4.0])
    assert correlate(worth, worth) == pytest.approx({"rho": 1, "rho_absolute": 1})
    assert correlate(worth, -worth) == pytest.approx({"rho": -1, "rho_absolute": 1})
    assert correlate(worth, np.zeros(4)) == {"rho": 0, "rho_absolute": 0}


@pytest.mark.parametrize(
    ("rho", "rho_absolute", "is_passed"),
    [
        ([0.4, -0.5], [0.1, 0.2], True),
        ([0.9, -0.8], [0.1, 0.2], False),  # the sign of the correlation does not matter
        ([0.0, 0.1], [0.6, 0.7], False),
    ],
)
def test_a_warning_when_the_weights_hardly_matter(rho, rho_absolute, is_passed, caplog):
    table = pd.DataFrame({"rho": rho, "rho_absolute": rho_absolute})
    with caplog.at_level(logging.INFO):
        assert judge(table) == is_passed
    level = logging.INFO if is_passed else logging.WARNING
    assert [record.levelno for record in caplog.records] == [level]
    assert f"sanity check {'passed' if is_passed else 'failed'}" in caplog.text
