import argparse
import errno
import importlib
import inspect
import os
import pty
import resource
import signal
import subprocess
import sys

import pandas as pd
import pytest
import torch

import circlet
from circlet import cli
from circlet.cli import STEPS, main
from circlet.evaluation.comparison import SCORE_COLUMNS
from circlet.files import write_table

HEAVY = {"Bio", "matplotlib", "numpy", "pandas", "pyarrow", "requests", "sklearn", "torch"}
IMPORTED = "import sys; from circlet import cli; cli.build_parser({}); print(*sys.modules)"


def python(*arguments, **options):
    """Run Python with the arguments; give the finished process."""
    settings = {"capture_output": True, "text": True, "timeout": 120} | options
    return subprocess.run([sys.executable, *arguments], check=False, **settings)


def modules_after(chosen):
    """Names of the packages loaded once the parser for a step, or for none, is built."""
    done = python("-c", IMPORTED.format(repr(chosen)))
    assert done.stderr == ""
    return {name.partition(".")[0] for name in done.stdout.split()}


def exit_of(*arguments):
    """Exit code of a command line that argparse ends."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return caught.value.code


@pytest.fixture
def show(monkeypatch):
    """Give a function that puts another `run` in the step `show`, and runs it."""

    def run_instead(function):
        monkeypatch.setattr("circlet.evaluation.show.run", function)
        return main(["show", "--comparison", "c.tsv", "--report", "r.html"])

    return run_instead


def test_help_names_every_step_and_imports_nothing_heavy(capsys):
    assert exit_of("--help") == 0
    told = " ".join(capsys.readouterr().out.split())
    for name, (_, summary) in STEPS.items():
        assert f" {name} {summary}" in told
    assert not modules_after(None) & HEAVY


@pytest.mark.parametrize("step", ["homology", "split", "variant", "evaluate", "vocabulary"])
def test_a_step_imports_torch_only_if_it_needs_it(step):
    loaded = modules_after(step)
    assert "pandas" in loaded
    assert "torch" not in loaded


@pytest.mark.parametrize("words", [("--help",), ("predict", "--help"), ("models", "--help")])
def test_help_is_quick_and_has_examples(words):
    """By the time of the processor: a busy machine is no failure."""
    best = min(cpu_time("-m", "circlet", *words) for _ in range(3))
    assert best < 0.5
    told = python("-m", "circlet", *words).stdout
    assert ("examples:\n  circlet predict transcripts.fa.gz" in told) == ("models" not in words)


def cpu_time(*arguments):
    """Seconds that Python computed to do this."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert python(*arguments).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_predict_imports_nothing_heavy_for_its_help():
    assert not modules_after("predict") & HEAVY


@pytest.mark.parametrize("step", STEPS)
def test_every_step_has_its_module_and_help(step, capsys):
    module, summary = STEPS[step]
    loaded = importlib.import_module(module)
    assert list(inspect.signature(loaded.add_arguments).parameters) == ["parser"]
    assert list(inspect.signature(loaded.run).parameters) == ["args"]
    assert exit_of(step, "--help") == 0
    told = capsys.readouterr().out
    assert told.startswith(f"usage: circlet {step} [-h]")
    assert " ".join(told.split()).count(f"{summary[0].upper()}{summary[1:]}.") == 1


@pytest.mark.parametrize("step", STEPS)
def test_every_option_is_explained(step):
    parser = argparse.ArgumentParser(add_help=False)
    importlib.import_module(STEPS[step][0]).add_arguments(parser)
    assert [action.dest for action in parser._actions if not action.help] == []


def test_version(capsys):
    assert exit_of("--version") == 0
    assert capsys.readouterr().out == f"circlet {circlet.__version__}\n"
    assert python("-m", "circlet", "--version").stdout == f"circlet {circlet.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["fly"], "argument STEP: invalid choice: 'fly' (choose from 'download', 'parse',"),
        ([], "the following arguments are required: STEP"),
        (["show", "--report", "r.html"], "the following arguments are required: --comparison"),
        (["fly", "show"], "argument STEP: invalid choice: 'fly'"),
    ],
)
def test_a_command_line_that_makes_no_sense(arguments, problem, capsys):
    assert exit_of(*arguments) == 2
    assert problem in capsys.readouterr().err


def test_bad_input_is_one_line_and_exit_code_2(tmp_path):
    inputs = ["--transcripts", "none.parquet", "--homology", "none.parquet"]
    flags = [*inputs, "--output", "out/split.parquet"]
    done = python("-m", "circlet", "split", *flags, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "circlet split: error: none.parquet: no such file; check the path\n"
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def on_terminal(folder, **environment):
    """What a wrong command line makes a terminal show."""
    ours, theirs = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    done = python(
        *("-m", "circlet", "predict", "none.fa", "--model", "none", "--threads", "1"),
        cwd=folder,
        env=inherited | {"TERM": "xterm"} | environment,
        capture_output=False,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    told = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.returncode == 2
    return told


LINE = "none: no such checkpoint folder or ONNX file; 'circlet models' lists what is there\r\n"


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({}, "\033[1;31merror\033[0m"),
        ({"NO_COLOR": ""}, "\033[1;31merror\033[0m"),  # as no-color.org asks
        ({"NO_COLOR": "1"}, "error"),
        ({"TERM": "dumb"}, "error"),
    ],
)
def test_an_error_is_red_on_a_terminal_that_may_be_coloured(tmp_path, environment, word):
    assert on_terminal(tmp_path, **environment) == f"circlet predict: {word}: {LINE}"


def test_an_interrupt_is_one_line_and_exit_code_130(show, capsys):
    def interrupted(args):
        raise KeyboardInterrupt

    assert show(interrupted) == 130
    assert capsys.readouterr().err == "circlet show: interrupted\n"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("can't start new thread"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried 9"),
        RuntimeError("could not create a primitive"),
        ImportError("x.so: failed to map segment from shared object"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9"),
    ],
)
def test_too_little_memory_is_one_line(show, capsys, error):
    def failing(args):
        raise error

    assert show(failing) == 1
    told = (
        "circlet show: error: the memory does not suffice; give it more, such as the rule's mem_mb"
    )
    assert capsys.readouterr().err == f"{told}\n"


def test_any_error_without_memory_is_one_line(show, capsys, monkeypatch):
    def failing(args):
        raise KeyError("WEBP")

    monkeypatch.setattr(cli, "LITTLE_MEMORY", 2**60)
    assert show(failing) == 1
    assert "the memory does not suffice" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("a fault"), OSError("another")])
def test_a_fault_of_ours_is_not_hidden(show, error):
    def failing(args):
        raise error

    with pytest.raises(type(error), match=str(error)):
        show(failing)


def test_a_fault_of_the_program_is_not_hidden(show):
    def faulty(args):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        show(faulty)


@pytest.mark.parametrize(
    ("package", "words", "extra"),
    [
        ("torch", ["train", "--help"], "torch"),
        ("fastapi", ["openapi"], "serve"),
        ("pythonjsonlogger", ["serve", "--port", "0"], "serve"),
        ("botocore", ["deploy", "--delete"], "aws"),
        ("streamlit", ["page"], "page"),
    ],
)
def test_a_step_without_its_packages_says_what_to_install(package, words, extra):
    code = f"import sys; sys.modules[{package!r}] = None; from circlet.cli import main; "
    done = python("-c", f"{code}sys.exit(main({words}))")
    assert done.returncode == 2
    assert done.stderr == (
        f"circlet {words[0]}: error: this step needs {package}, which is not installed; "
        f"pip install 'circlet[{extra}]'\n"
    )


HALF_WRITTEN = """
import os, signal, sys
from circlet.cli import main
from circlet.evaluation import show
from circlet.files import atomic_path

def run(args):
    with atomic_path("out.txt"):
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()

show.run = run
sys.exit(main(["show", "--comparison", "c.tsv", "--report", "r.html"]))
"""


def test_a_scheduler_that_ends_a_step_leaves_nothing_half_written(tmp_path):
    done = python("-c", HALF_WRITTEN, cwd=tmp_path)
    assert done.returncode == 128 + signal.SIGTERM
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_a_step_gets_its_arguments_and_ends_with_0(show):
    seen = {}
    assert show(lambda args: seen.update(vars(args))) == 0
    assert (seen["step"], seen["comparison"], seen["report"]) == ("show", "c.tsv", "r.html")


@pytest.fixture
def pipe_without_reader():
    """The end for writing of a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_went_away_is_told_nothing(tmp_path, pipe_without_reader, unbuffered):
    scores = dict.fromkeys(SCORE_COLUMNS, 0.5)
    row = {"name": "main", "kind": "run", "scheme": "gene", "part": "test", "test_set": "test"}
    row |= {"n_circrna": 1, "n_lncrna": 1, "n_groups": 2}
    write_table(tmp_path / "c.tsv", pd.DataFrame([row | scores]))
    done = python(
        *("-m", "circlet", "show", "--comparison", "c.tsv", "--report", "r.html"),
        cwd=tmp_path,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        capture_output=False,
        stdout=pipe_without_reader,
        stderr=subprocess.PIPE,
    )
    assert done.stderr == ""
    assert done.returncode == 0
