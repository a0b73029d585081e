import numpy as np
import pytest
import torch
from explain_inputs import plant, trained_checkpoint

from circlet.evaluation.explain.mutagenesis import MUTATION_COLUMNS, around_junction, mutate
from circlet.predict import Predictor


@pytest.mark.parametrize(
    ("length", "window", "expected"),
    [(10, 2, [8, 9, 0, 1]), (6, 3, [3, 4, 5, 0, 1, 2]), (5, 30, [3, 4, 0, 1])],
)
def test_around_the_junction_the_end_comes_before_the_start(length, window, expected):
    assert around_junction(length, window).tolist() == expected


def test_every_substitution_is_scored_by_the_model():
    predictor = Predictor.of_checkpoint(trained_checkpoint(), [torch.device("cpu")])
    sequence = plant(2, 9)[0][0]
    table = mutate(predictor, sequence, 4)
    assert tuple(table.columns) == MUTATION_COLUMNS
    length = len(sequence)
    expected = [*range(length - 4, length), *range(4)]
    assert table["position"].unique().tolist() == expected
    assert table.groupby("position")["alternative"].agg(set).map(len).tolist() == [3] * 8
    assert (table["base"] != table["alternative"]).all()
    own = predictor.scores([sequence])[0]
    for row in table.itertuples():
        assert row.base == sequence[row.position]
        mutant = sequence[: row.position] + row.alternative + sequence[row.position + 1 :]
        assert row.change == pytest.approx(predictor.scores([mutant])[0] - own, abs=1e-4)
    assert np.ptp(table["change"]) > 0
