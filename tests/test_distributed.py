import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn
from training_inputs import (
    LAUNCH,
    ONE_THREAD,
    SOME_OF_ALL,
    timeless_record,
    train_words,
    write_inputs,
)

from circlet.cli import main
from circlet.errors import InputError
from circlet.model.distributed import Ranks, accumulating, processes

CPU = torch.device("cpu")
# The second process waits for what the first one says of the validation.
FAIL_FIRST = """
import os, sys
from circlet.cli import main
from circlet.errors import InputError
from circlet.model import train

def fail(trainer):
    raise InputError("validation", f"of rank {os.environ['RANK']} failed", "none needed")

train.validate = fail
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("inputs"))


def launch(*words):
    """Run a program as two processes."""
    return subprocess.run(
        [sys.executable, *LAUNCH, *words],
        env=ONE_THREAD,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        # Each batch is cut in two, which changes what comes by chance.
        {"accumulate": 1, "dropout": 0, "mutate": 0, "mask": 0, "rotate": 0},
    ],
)
def test_two_processes_train_the_same_network_as_one(files, tmp_path, changes):
    changes = SOME_OF_ALL | {"learning_rate": 0.003} | changes
    done = launch("-m", "circlet", *train_words(files, tmp_path / "two", **changes))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("processes: 2") == 1  # the first one alone logs
    assert main(train_words(files, tmp_path / "one", **changes)) == 0
    one, two = (load_file(tmp_path / name / "seed1.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=1e-5, rtol=0, msg=name)
    one, two = (timeless_record(tmp_path / name) for name in ("one", "two"))
    assert (one.pop("processes"), two.pop("processes")) == (1, 2)
    for mine, other in zip(one.pop("epochs"), two.pop("epochs"), strict=True):
        assert mine == pytest.approx(other, abs=1e-5)
    assert one == two
    left = sorted(path.name for path in (tmp_path / "two").iterdir())
    assert left == ["seed1.json", "seed1.safetensors"]


def test_failure_of_the_first_process_ends_all(files, tmp_path):
    script = tmp_path / "fail_first.py"
    script.write_text(FAIL_FIRST)
    words = train_words(files, tmp_path, accumulate=2)
    done = launch(str(script), *words)
    assert done.returncode != 0
    assert "circlet train: error: validation: of rank 0 failed; none needed" in done.stderr
    assert "of rank 1 failed" not in done.stderr
    assert not (tmp_path / "seed1.safetensors").exists()


@pytest.mark.parametrize(
    ("ranks", "dealt"),
    [
        (Ranks(), [(0, "a", 1), (1, "b", 1), (2, "c", 1)]),
        (Ranks(0, 2), [(0, "a", 1), (2, "c", 1)]),
        (Ranks(1, 2), [(1, "b", 1)]),
        (Ranks(3, 4), [(0, "a", 0)]),
    ],
)
def test_items_are_dealt_out_in_turn(ranks, dealt):
    assert ranks.share("abc") == dealt


def pieces(rank, batches, lengths):
    """Place, rows and weight of each piece of one of three processes."""
    cut = Ranks(rank, 3).cut(batches, [lengths[rows] for rows in batches])
    return [(place, rows.tolist(), weight) for place, rows, weight in cut]


@pytest.mark.parametrize(
    ("batches", "lengths", "dealt"),
    [
        # Thirds of 12 tokens.
        ([[0, 1, 2, 3, 4, 5]], [2] * 6, [[(0, [0, 1])], [(0, [2, 3])], [(0, [4, 5])]]),
        ([[5, 3, 1]], [9, 4, 9, 4, 9, 4], [[(0, [5])], [(0, [3])], [(0, [1])]]),
        ([[0, 1, 2, 3]], [6, 2, 2, 2], [[(0, [0])], [(0, [1])], [(0, [2, 3])]]),
        # Two thirds of each of two batches.
        ([[2, 1, 0], [3, 5, 4]], [5] * 6, [[(0, [2, 1])], [(0, [0]), (1, [3])], [(1, [5, 4])]]),
        ([[0], [1, 2]], [4, 4, 4], [[(0, [0])], [(1, [1])], [(1, [2])]]),
    ],
)
def test_batches_are_cut_into_pieces_of_equal_length(batches, lengths, dealt):
    batches, lengths = [np.array(rows) for rows in batches], np.array(lengths)
    for rank, expected in enumerate(dealt):
        assert pieces(rank, batches, lengths) == [(*piece, 1) for piece in expected]


def test_who_gets_no_piece_takes_a_sequence_without_weight():
    batches, lengths = [np.array([7, 3]), np.array([4])], np.arange(10)
    assert pieces(0, batches, lengths) == [(0, [7], 1)]
    assert pieces(1, batches, lengths) == [(0, [3], 1)]
    assert pieces(2, batches, lengths) == [(1, [4], 1)]
    long = [np.array([7, 3])]
    assert pieces(0, long, lengths) == [(0, [7], 0)]
    assert pieces(1, long, lengths) == [(0, [7], 1)]
    assert pieces(2, long, lengths) == [(0, [3], 1)]


@given(st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=20), min_size=1, max_size=5))
@pytest.mark.parametrize("count", [2, 3, 8])
def test_each_sequence_is_in_one_piece(count, sizes):
    lengths = np.array([length for batch in sizes for length in batch])
    batches = np.split(np.arange(len(lengths)), np.cumsum([len(batch) for batch in sizes])[:-1])
    found = []
    for rank in range(count):
        cut = Ranks(rank, count).cut(batches, [lengths[rows] for rows in batches])
        found += [(place, row) for place, rows, weight in cut for row in rows if weight]
        tokens = sum(weight * lengths[rows].sum() for _, rows, weight in cut)
        assert abs(tokens - lengths.sum() / count) <= lengths.max()
    assert sorted(found) == [(place, row) for place, rows in enumerate(batches) for row in rows]


def test_a_process_alone_needs_no_other():
    ranks, network, value = Ranks(), nn.Linear(1, 1), torch.ones(2)
    assert ranks.is_first
    assert ranks.broadcast("decision") == "decision"
    assert ranks.decide(True) is True
    assert ranks.add_up(value) is value
    assert ranks.wrap(network, CPU) is network
    with accumulating(network):
        pass


@pytest.mark.parametrize("size", [None, "1"])
def test_processes_without_a_launcher(monkeypatch, size):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if size is not None:
        monkeypatch.setenv("WORLD_SIZE", size)
    with processes(CPU) as ranks:
        assert ranks == Ranks(0, 1)


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cpu", r"WORLD_SIZE: is set, but not \['RANK', 'MASTER_PORT'\]; unset it, or use torch"),
        ("mps", "device: mps: several processes cannot share it; use cpu"),
    ],
)
def test_what_cannot_be_shared_is_refused(monkeypatch, device, message):
    for name, value in (("WORLD_SIZE", "2"), ("LOCAL_RANK", "0"), ("MASTER_ADDR", "localhost")):
        monkeypatch.setenv(name, value)
    for name in ("RANK", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match=message), processes(torch.device(device)):
        pass
