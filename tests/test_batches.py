import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circlet.model.batches import collate
from circlet.model.padding import crop_ends, plan_batches

many_lengths = st.lists(st.integers(1, 60), min_size=1, max_size=50).map(np.array)


@pytest.mark.parametrize(
    ("max_tokens", "kept"),
    [
        (9, [1, 2, 3, 4, 5, 6, 7]),
        (7, [1, 2, 3, 4, 5, 6, 7]),
        (6, [1, 2, 3, 5, 6, 7]),
        (5, [1, 2, 3, 6, 7]),
        (2, [1, 7]),
        (1, [1]),
    ],
)
def test_crop_takes_the_middle_out(max_tokens, kept):
    assert crop_ends(np.arange(1, 8), max_tokens).tolist() == kept


@given(
    length=st.integers(1, 60), max_tokens=st.integers(12, 40), multiple=st.sampled_from([1, 3, 6])
)
def test_crop_keeps_the_place_in_the_streams(length, max_tokens, multiple):
    tokens = np.arange(length)
    kept = crop_ends(tokens, max_tokens, multiple)
    assert min(length, max_tokens) - multiple < len(kept) <= max_tokens
    assert (kept % multiple == np.arange(len(kept)) % multiple).all()
    assert (kept[0], kept[-1]) == (0, length - 1)
    assert (np.diff(kept) > 1).sum() == (length > max_tokens)


def collate_tokens(sequences, *shape):
    return collate(sequences, np.zeros((len(sequences), 2)), *shape).tokens


def test_collate_pads_to_the_longest():
    tokens = collate_tokens([np.array([5, 6, 7], np.uint16), np.array([8], np.uint16)], 9)
    assert tokens.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert str(tokens.dtype) == "torch.int64"


@pytest.mark.parametrize(("multiple", "width"), [(1, 7), (2, 8), (6, 12), (7, 7), (9, 9)])
def test_collate_pads_to_a_multiple(multiple, width):
    tokens = collate_tokens([np.arange(1, 8), np.arange(1, 3)], 100, multiple)
    assert tokens.tolist() == [
        [1, 2, 3, 4, 5, 6, 7] + [0] * (width - 7),
        [1, 2] + [0] * (width - 2),
    ]


def test_collate_crops_before_it_pads():
    tokens = collate_tokens([np.arange(1, 9), np.array([9])], 6, 4)
    assert tokens.tolist() == [[1, 2, 7, 8], [9, 0, 0, 0]]


def test_collate_of_nothing_is_padding():
    assert collate_tokens([np.array([], np.uint16)], 4, 3).tolist() == [[0, 0, 0]]


def test_collate_takes_features_along():
    features = np.array([[1.5, 2], [3, 4.25]])
    batch = collate([np.array([5]), np.array([6, 7])], features, 9)
    assert batch.features.tolist() == features.tolist()
    assert str(batch.features.dtype) == "torch.float32"


def test_collate_shares_no_memory():
    sequence, features = np.array([5, 6]), np.ones((1, 2), np.float32)
    batch = collate([sequence], features, 9)
    batch.tokens[:], batch.features[:] = 9, 9
    assert sequence.tolist() == [5, 6]
    assert features.tolist() == [[1, 1]]


def test_collate_bounds_a_long_sequence():
    long = np.arange(200_000) % 60 + 2
    tokens = collate_tokens([long], 900, 9)
    assert tokens.shape == (1, 900)
    # 893 are left: those taken out are a multiple of 9, and two that are left are not one.
    assert tokens[0].tolist() == [*long[:447], *long[-446:], *[0] * 7]


@given(lengths=many_lengths, budget=st.integers(1, 200), seed=st.none() | st.integers(0, 9))
def test_plan_covers_each_row_once_within_the_budget(lengths, budget, seed):
    batches = plan_batches(lengths, budget, None if seed is None else np.random.default_rng(seed))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or lengths[batch].max() * len(batch) <= budget


def test_plan_by_hand():
    lengths = np.array([50, 10, 10, 30, 10])
    # 3 * 10 fit in 60; 4 * 30 do not; 30 and 50 would be 2 * 50.
    batches = plan_batches(lengths, 60)
    assert [batch.tolist() for batch in batches] == [[1, 2, 4], [3], [0]]


@given(lengths=many_lengths, budget=st.integers(1, 200))
def test_batches_without_seed_run_from_short_to_long(lengths, budget):
    order = np.concatenate(plan_batches(lengths, budget))
    assert (np.diff(lengths[order]) >= 0).all()


def test_plan_repeats_itself_by_seed():
    lengths = np.random.default_rng(0).integers(200, 3000, size=300)
    first, again, other = (
        [batch.tolist() for batch in plan_batches(lengths, 32768, np.random.default_rng(seed))]
        for seed in ([1, 1], [1, 1], [1, 2])
    )
    assert first == again
    assert first != other


def test_seeded_batches_waste_little_and_come_in_random_order():
    lengths = np.random.default_rng(0).integers(200, 3000, size=300)
    batches = plan_batches(lengths, 32768, np.random.default_rng(1))
    padded = sum(lengths[batch].max() * len(batch) for batch in batches)
    assert padded / lengths.sum() < 1.2
    means = [lengths[batch].mean() for batch in batches]
    assert means not in (sorted(means), sorted(means, reverse=True))
