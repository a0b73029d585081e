import numpy as np
import pytest

from circlet.model.augment import disturb, rotate


def rng(seed=0):
    return np.random.default_rng(seed)


def test_rotation_turns_a_share_of_the_rings():
    ring = np.arange(2, 52)
    turned = rotate([ring] * 1000, 0.3, rng())
    # It begins anywhere and goes on as before, over the seam.
    for tokens in turned:
        start = tokens[0] - 2
        assert tokens.tolist() == [*ring[start:], *ring[:start]]
    starts = np.array([tokens[0] - 2 for tokens in turned])
    assert 250 < np.count_nonzero(starts) < 350
    assert set(starts[starts > 0]) == set(range(1, 50))


def test_rotation_of_none_and_of_nothing():
    sequences = [np.array([2, 3, 4]), np.array([], int), np.array([7])]
    for share in (0, 1):
        turned = rotate(sequences, share, rng())
        assert [sorted(tokens) for tokens in turned] == [[2, 3, 4], [], [7]]
    assert all(a is b for a, b in zip(rotate(sequences, 0, rng()), sequences, strict=True))


@pytest.mark.parametrize(("mutate", "mask"), [(0.2, 0.1), (0.2, 0), (0, 0.1), (0, 0)])
def test_shares_of_the_tokens_are_replaced(mutate, mask):
    before = np.full((100, 300), 9)
    before[:, 250:] = 0
    tokens = before.copy()
    disturb(tokens, mutate, mask, 12, rng())
    assert (tokens[:, 250:] == 0).all()
    real = tokens[:, :250]
    # Of ten k-mers one is what was there before.
    assert np.mean(real > 1) == pytest.approx(1 - mask, abs=0.01)
    assert np.mean(real == 9) == pytest.approx(1 - mask - 0.9 * mutate, abs=0.01)
    assert np.mean(real == 1) == pytest.approx(mask, abs=0.01)
    assert set(np.unique(real)) == ({9} | (set(range(2, 12)) if mutate else set())) | (
        {1} if mask else set()
    )


def test_changes_are_those_of_the_seed():
    outcomes = []
    for seed in (1, 1, 2):
        source, tokens = rng(seed), np.full((4, 50), 5)
        disturb(tokens, 0.2, 0.2, 66, source)
        turned = rotate([np.arange(90)] * 4, 1, source)
        outcomes.append((tokens.tolist(), [each.tolist() for each in turned]))
    assert outcomes[0] == outcomes[1] != outcomes[2]
