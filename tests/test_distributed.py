import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from training_inputs import SOME_OF_ALL, timeless_record, train_words, write_inputs

from circlet.cli import main
from circlet.errors import InputError
from circlet.model.distributed import Ranks, accumulating, processes

CPU = torch.device("cpu")
LAUNCH = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
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
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *LAUNCH, *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_two_processes_train_the_same_network_as_one(files, tmp_path):
    changes = SOME_OF_ALL | {"learning_rate": 0.003}
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


def test_a_process_alone_needs_no_other():
    ranks, network, value = Ranks(), nn.Linear(1, 1), torch.ones(2)
    assert ranks.is_first
    assert ranks.broadcast("decision") == "decision"
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


def test_each_process_needs_a_batch_of_a_step(files, tmp_path, capsys, monkeypatch):
    class Two:
        def __enter__(self):
            return Ranks(0, 2)

        def __exit__(self, *error):
            return None

    monkeypatch.setattr("circlet.model.train.processes", lambda device: Two())
    assert main(train_words(files, tmp_path, accumulate=1)) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "circlet train: error: settings: accumulate: is 1, so that of 2 processes some have "
        "nothing to do; set it to a multiple of 2"
    )
    assert list(tmp_path.iterdir()) == []
