import numpy as np
import pytest
import torch
from torch import nn

from circlet.model.network import NetworkConfig, build_network
from circlet.model.scoring import ensemble_logits, member_logits

CPU = torch.device("cpu")


class Weigh(nn.Module):
    """Adds up the tokens and the features, times a weight; tells what it was shown."""

    multiple = 4

    def __init__(self, weight):
        super().__init__()
        self.weight, self.shapes = weight, []

    def forward(self, tokens, features):
        assert not self.training
        assert not torch.is_grad_enabled()
        self.shapes.append(tuple(tokens.shape))
        return self.weight * (tokens.sum(dim=1) + features.sum(dim=1))


@pytest.fixture
def sequences():
    """Token ids of 12 sequences, of 1 to 30 tokens and, in the middle, of none."""
    rng = np.random.default_rng(0)
    lengths = [*rng.integers(1, 31, 6), 0, *rng.integers(1, 31, 5)]
    return [rng.integers(2, 18, length).astype(np.uint16) for length in lengths]


@pytest.fixture
def features():
    rng = np.random.default_rng(1)
    numbers, codes = rng.random((12, 8)), rng.integers(0, 5, (12, 8))
    return np.hstack([numbers, codes, rng.random((12, 340)) / 64]).astype(np.float32)


def test_score_is_the_mean_of_the_members(sequences, features):
    members = [Weigh(1.0).train(), Weigh(4.0)]
    found = ensemble_logits(members, sequences, features, 64, CPU)
    expected = [2.5 * (s.sum() + f.sum()) for s, f in zip(sequences, features, strict=True)]
    assert (found.shape, found.dtype) == ((12,), np.float64)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_members_are_scored_one_by_one(sequences, features):
    members = [Weigh(1.0), Weigh(4.0)]
    found = member_logits(members, sequences, features, 64, CPU)
    assert found.shape == (2, 12)
    np.testing.assert_allclose(found[1], 4 * found[0], rtol=1e-6)
    together = ensemble_logits(members, sequences, features, 64, CPU)
    np.testing.assert_array_equal(together, found.mean(axis=0))


def test_budget_bounds_the_batches_and_not_the_scores(sequences, features):
    member = Weigh(1.0)
    whole = ensemble_logits([member], sequences, features, 64, CPU)
    assert [rows for rows, _ in member.shapes] == [12]
    member.shapes.clear()
    np.testing.assert_allclose(
        ensemble_logits([member], sequences, features, 64, CPU, batch_tokens=64), whole, rtol=1e-6
    )
    assert len(member.shapes) > 3
    # The padding to a multiple of four comes on top of the budget.
    assert all(tokens % 4 == 0 and rows * (tokens - 3) <= 64 for rows, tokens in member.shapes)


def test_no_sequences_have_no_scores(features):
    assert ensemble_logits([Weigh(1.0)], [], features[:0], 64, CPU).shape == (0,)


@pytest.mark.parametrize("batch_tokens", [1, 100])
def test_score_of_a_network_is_its_own_in_any_company(sequences, features, batch_tokens):
    torch.manual_seed(0)
    config = NetworkConfig(
        18, max_tokens=24, window=3, patch=2, width=8, layers=2, heads=2, feedforward=16
    )
    members = [build_network(config) for _ in range(2)]
    for member in members:
        nn.init.normal_(member.head[-1].weight, std=3)
    expected = ensemble_logits(members, sequences, features, 24, CPU)
    assert np.ptp(expected) > 1
    found = ensemble_logits(members, sequences, features, 24, CPU, batch_tokens)
    alone = [
        ensemble_logits(members, [tokens], features[[row]], 24, CPU)[0]
        for row, tokens in enumerate(sequences)
    ]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(alone, expected, rtol=0, atol=1e-5)
