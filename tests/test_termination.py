import signal
import subprocess
import sys
import time

import pytest
from training_inputs import (
    LAUNCH,
    ONE_THREAD,
    SOME_OF_ALL,
    timeless_record,
    train_words,
    write_inputs,
)

from circlet.cli import main
from circlet.model.state import NAME
from circlet.termination import EXIT_TERMINATED, Notice, end_at_once, leave

PATIENCE = 300  # s; a busy machine is no failure
# Two epochs of five steps; nothing but the signal and the ends of the epochs saves a state.
CHANGES = SOME_OF_ALL | {"epochs": 2}
# Of nine steps, each of one batch that is cut in two.
BY_TWO = CHANGES | {"accumulate": 1}
IN_VALIDATION = ("train", "validate", "2")
# After those before and after the first validation.
IN_SAVING = ("state", "save_file", "3")
# The first process waits for SIGTERM at the n-th call of a function, as its caller knows it; when
# it waits, it says so in a file: so no test depends on the speed of a machine.
WAITING = """
import itertools, os, signal, sys, time
from importlib import import_module
from pathlib import Path
from circlet.cli import main

def wait(flag):
    handler, came = signal.getsignal(signal.SIGTERM), []
    signal.signal(signal.SIGTERM, lambda *args: came.append(args))
    Path(flag).touch()
    while not came:
        time.sleep(0.01)
    signal.signal(signal.SIGTERM, handler)
    handler(*came[0])

def make_wait(module, name, number):
    module = import_module(f"circlet.model.{module}")
    function, calls = getattr(module, name), itertools.count(1)

    def waiting(*args, **kwargs):
        if next(calls) == int(number):
            wait(f"{name}.flag")
        return function(*args, **kwargs)

    setattr(module, name, waiting)

places, words = sys.argv[1].split(), sys.argv[2:]
if os.environ.get("RANK", "0") == "0":
    for place in places:
        make_wait(*place.split(","))
sys.exit(main(words))
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def trained(files, tmp_path_factory):
    """Folder of a training that nothing interrupts."""
    folder = tmp_path_factory.mktemp("trained")
    assert main(train_words(files, folder, **CHANGES)) == 0
    return folder


@pytest.fixture(scope="module")
def trained_by_two(files, tmp_path_factory):
    """The same by two processes."""
    folder = tmp_path_factory.mktemp("trained_by_two")
    assert run(folder, *LAUNCH, "-m", "circlet", *train_words(files, folder, **BY_TWO))[0] == 0
    return folder


@pytest.fixture
def handlers():
    """Leaves the handling of SIGTERM as it was."""
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, end_at_once)
    yield
    signal.signal(signal.SIGTERM, before)


def run(folder, *words, places=()):
    """Run Python, with a signal whenever a place is reached; give the exit code and the log."""
    process = subprocess.Popen(
        [sys.executable, *words], cwd=folder, env=ONE_THREAD, stderr=subprocess.PIPE, text=True
    )
    flags, end = [folder / f"{name}.flag" for _, name, _ in places], time.monotonic() + PATIENCE
    try:
        for flag in flags:
            while not flag.exists() and process.poll() is None and time.monotonic() < end:
                time.sleep(0.02)
            flag.unlink(missing_ok=True)
            process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return process.returncode, told


def interrupt(words, folder, places, *launch):
    """Train, with a signal at each of the places; give the exit code and the log."""
    script = folder / "waiting.py"
    script.write_text(WAITING)
    done = run(folder, *launch, script, " ".join(map(",".join, places)), *words, places=places)
    script.unlink()
    return done


def assert_same(folder, trained):
    for name in ("seed1.safetensors", "seed1.json"):
        assert (folder / name).is_file()
    weights = [(each / "seed1.safetensors").read_bytes() for each in (folder, trained)]
    assert weights[0] == weights[1]
    assert timeless_record(folder) == timeless_record(trained)
    assert sorted(path.name for path in folder.iterdir()) == ["seed1.json", "seed1.safetensors"]


SAVED = "saved in epoch 2 after step 3, since SIGTERM came; start again to go on from it"


@pytest.mark.parametrize(
    ("places", "saved", "step"),
    [
        ([("trainer", "train_step", "8")], [SAVED], 3),
        ([("trainer", "train_step", "8"), IN_SAVING], [SAVED], 3),
        ([IN_VALIDATION], [], 5),
    ],
)
def test_a_training_that_is_asked_to_end_keeps_its_work(
    files, trained, tmp_path, places, saved, step
):
    words, state = train_words(files, tmp_path, **CHANGES), tmp_path / "state" / NAME
    code, told = interrupt(words, tmp_path, places)
    assert code == EXIT_TERMINATED == 143
    lines = [line.partition(" INFO ")[2] for line in told.splitlines() if "SIGTERM" in line]
    assert lines == [f"{state}: {line}" for line in saved]
    assert "Traceback" not in told
    assert list(tmp_path.iterdir()) == [state.parent]
    assert list(state.parent.iterdir()) == [state]
    code, told = run(tmp_path, "-m", "circlet", *words)
    assert code == 0
    assert f"{state}: going on from epoch 2, step {step}, after" in told
    assert_same(tmp_path, trained)


@pytest.mark.parametrize(
    ("places", "saved", "step"),
    [
        ([("trainer", "train_step", "12")], 1, 3),
        ([("trainer", "train_step", "12"), IN_SAVING], 1, 3),
        ([IN_VALIDATION], 0, 9),
    ],
)
def test_many_processes_end_together(files, trained_by_two, tmp_path, places, saved, step):
    words, state = train_words(files, tmp_path, **BY_TWO), tmp_path / "state" / NAME
    code, told = interrupt(words, tmp_path, places, *LAUNCH)
    assert code != 0  # that of torchrun, which tells its own traceback
    assert told.count(SAVED) == saved
    assert "RuntimeError" not in told
    assert list(tmp_path.iterdir()) == [state.parent]
    assert list(state.parent.iterdir()) == [state]
    code, told = run(tmp_path, *LAUNCH, "-m", "circlet", *words)
    assert code == 0
    assert f"{state}: going on from epoch 2, step {step}, after" in told
    assert_same(tmp_path, trained_by_two)


def raise_it():
    signal.raise_signal(signal.SIGTERM)


@pytest.mark.usefixtures("handlers")
def test_who_leaves_is_not_broken_off():
    with pytest.raises(SystemExit) as caught:
        leave()
    assert caught.value.code == 143
    raise_it()


@pytest.mark.usefixtures("handlers")
def test_a_postponed_signal_takes_effect_at_the_end():
    notice, done = Notice(), []

    def work():
        with notice.postponed():
            raise_it()
            done.append(notice.came)
            raise_it()
            done.append("all")

    with pytest.raises(SystemExit) as caught:
        work()
    assert caught.value.code == 143
    assert done == [True, "all"]


@pytest.mark.usefixtures("handlers")
def test_without_a_signal_all_is_as_before():
    notice = Notice()
    with notice.postponed(), notice.released():
        assert signal.getsignal(signal.SIGTERM) is end_at_once
    assert not notice.came
    assert signal.getsignal(signal.SIGTERM) is end_at_once


@pytest.mark.usefixtures("handlers")
def test_an_error_goes_before_a_postponed_signal():
    notice = Notice()

    def fail():
        with notice.postponed():
            raise_it()
            raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        fail()
    assert notice.came
    assert signal.getsignal(signal.SIGTERM) is end_at_once


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("when", ["before", "within"])
def test_a_signal_takes_effect_where_it_is_released(when):
    notice, done = Notice(), []

    def work():
        with notice.postponed():
            if when == "before":
                raise_it()
            with notice.released():
                done.append("released")
                raise_it()
            done.append("not reached")

    with pytest.raises(SystemExit):
        work()
    assert done == ([] if when == "before" else ["released"])
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
