from dataclasses import replace

import pytest

from circlet.errors import InputError
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig
from circlet.model.settings import TrainingConfig, check_settings

LINE = KmerVocab(3, 1, None, False, ())
RING = KmerVocab(3, 1, None, True, ())


def check(vocabulary=LINE, network=None, **training):
    check_settings(network or NetworkConfig(66), TrainingConfig(**training), vocabulary)


def test_what_changes_the_training_data_is_off_by_default():
    check()
    config = TrainingConfig()
    assert config.accumulate == 1
    assert not any(
        (
            config.label_smoothing,
            config.mutate,
            config.mask,
            config.rotate,
            config.average,
            config.compile,
        )
    )
    assert config.class_weight == "none"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("accumulate", (0, -1)),
        ("epochs", (0,)),
        ("max_minutes", (0, float("nan"))),
    ],
)
def test_numbers_above_0(name, values):
    for value in values:
        with pytest.raises(InputError, match=f"{name}: is {value}; give a number above 0"):
            check(**{name: value})


@pytest.mark.parametrize("name", ["average", "beta2", "label_smoothing", "mutate", "mask"])
def test_shares_below_1(name):
    check(**{name: 0.999})
    for value in (1.0, -0.1, float("nan")):
        with pytest.raises(InputError, match=f"{name}: is {value}; give a share from 0 to below"):
            check(**{name: value})


def test_not_every_token_is_replaced():
    check(mutate=0.5, mask=0.4)
    with pytest.raises(InputError, match="mask: together with mutate it takes every token"):
        check(mutate=0.5, mask=0.5)


def test_rotation_needs_a_ring():
    check(RING, rotate=1.0)
    with pytest.raises(InputError, match="rotate: the vocabulary reads no ring; set its ring"):
        check(rotate=0.1)
    with pytest.raises(InputError, match=r"rotate: is 1\.1; give a share from 0 to 1"):
        check(RING, rotate=1.1)


def test_memory_is_bounded_by_the_budget():
    network = NetworkConfig(66, max_tokens=1000)
    check(network=network, batch_tokens=1000)
    with pytest.raises(InputError, match=r"max_tokens: is 1000, above .* bounded by the budget"):
        check(network=network, batch_tokens=999)


def test_window_has_to_fit_the_comparator():
    network = NetworkConfig(2, architecture="text_transformer", max_tokens=396)
    vocabulary = KmerVocab(5, 1, 400, False, ())
    check(vocabulary, network)
    with pytest.raises(InputError, match="such as 400 and 396 for k 5"):
        check(replace(vocabulary, window=401), network)
    with pytest.raises(InputError, match="such as 400 and 396 for k 5"):
        check(replace(vocabulary, window=None), network)
