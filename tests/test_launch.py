import argparse
import os
import subprocess
import sys

import pytest
from training_inputs import timeless_record, train_words, write_inputs

from circlet.cli import main
from circlet.errors import InputError
from circlet.model import launch

WORDS = ["train", "--tokens", "t.npy"]


class Became(Exception):  # noqa: N818
    """In the place of the program that this process would become."""


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """What a request for processes makes of this process."""
    monkeypatch.delenv(launch.STARTED, raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setattr(launch.socket, "gethostname", lambda: "n1")
    monkeypatch.setattr(launch, "free_port", lambda: 29500)
    srun = tmp_path / "srun"
    srun.write_text("#!/bin/sh\n")
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    def become(program, command):
        assert program == command[0]
        raise Became(" ".join(command).replace(sys.executable, "python"))

    monkeypatch.setattr(launch.os, "execvp", become)

    def ask(processes=1, gpus=0, nodes=1):
        settings = {"processes": processes, "gpus": gpus, "nodes": nodes}
        try:
            launch.launch(argparse.Namespace(words=WORDS, **settings))
        except Became as command:
            return str(command)
        return None

    return ask


@pytest.mark.parametrize("settings", [{}, {"gpus": 1}, {"processes": 1, "gpus": 1}])
def test_one_process_is_this_one(asked, settings):
    assert asked(**settings) is None


@pytest.mark.parametrize("settings", [{"processes": 2}, {"gpus": 2}, {"processes": 1, "gpus": 2}])
def test_several_on_this_node(asked, settings):
    assert asked(**settings) == (
        "python -m torch.distributed.run --standalone --nproc-per-node=2"
        " -m circlet train --tokens t.npy"
    )


def test_several_nodes_are_reached_by_srun(asked):
    assert asked(gpus=4, nodes=2) == (
        "srun --nodes=2 --ntasks=2 --ntasks-per-node=1 --cpu-bind=none --kill-on-bad-exit=1"
        " python -m torch.distributed.run --nnodes=2 --rdzv-backend=c10d"
        " --rdzv-endpoint=n1:29500 --rdzv-id=17 --nproc-per-node=2 -m circlet train --tokens t.npy"
    )


def test_a_process_that_was_started_starts_no_other(asked, monkeypatch):
    monkeypatch.setenv(launch.STARTED, "2")
    assert asked(processes=2) is None
    assert launch.share_of_threads(5) == 2
    assert launch.share_of_threads(1) == 1


def test_threads_of_a_process_alone(asked):
    assert launch.share_of_threads(5) == 5
    assert launch.share_of_threads(None) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"processes": 3, "nodes": 2}, "processes: 3 cannot be dealt out to 2 nodes; give each"),
        ({"processes": 1, "nodes": 2}, "processes: 1 cannot be dealt out to 2 nodes; give each"),
        ({"processes": 0}, "processes: 0 cannot be dealt out to 1 nodes; give each"),
        ({"processes": 2, "nodes": 0}, "processes: 2 cannot be dealt out to 0 nodes; give each"),
    ],
)
def test_what_cannot_be_dealt_out_is_refused(asked, settings, message):
    with pytest.raises(InputError, match=message):
        asked(**settings)


def test_several_nodes_need_slurm(asked, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="nodes: 2 are asked for, but there is no srun; submit"):
        asked(processes=2, nodes=2)


def test_a_free_port_can_be_listened_on():
    with launch.socket.socket() as listener:
        listener.bind(("", launch.free_port()))


def test_training_starts_its_processes_itself(tmp_path):
    words = train_words(write_inputs(tmp_path), tmp_path / "two", accumulate=2, processes=2)
    words[words.index("--threads") + 1] = "2"
    done = subprocess.run(
        [sys.executable, "-m", "circlet", *words],
        env={name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("starting 2 processes") == 1
    record = timeless_record(tmp_path / "two")
    assert (record["processes"], record["threads"]) == (2, 1)
    assert main(train_words(write_inputs(tmp_path), tmp_path / "one", accumulate=2)) == 0
    assert len(timeless_record(tmp_path / "one")["epochs"]) == len(record["epochs"])
