"""A short campaign of `make fuzz`, and that it would tell a fault."""

import json
import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parent / "fuzz" / "fuzz.py"


def fuzz(*words):
    command = [sys.executable, str(FUZZ), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_no_input_ends_in_a_traceback(tmp_path):
    found = fuzz("--folder", tmp_path, "--seconds", 20)
    assert found.returncode == 0, found.stdout + found.stderr
    last = found.stdout.splitlines()[-1]
    assert last.endswith("; 0 different faults")
    assert " of valid input" in last


def again(folder, rows):
    """Run a saved case again, which says what its table should hold."""
    folder.mkdir()
    (folder / "a.fa").write_text(">a\nACGTACGTACGTACGTACGTACGTA\n")
    words = ["predict", "a.fa", "--model", "MODEL", "--output", "out.tsv"]
    told = {"kind": "valid input", "words": words, "files": ["a.fa"], "output": "out.tsv"}
    (folder / "case.json").write_text(json.dumps(told | {"rows": rows}))
    return fuzz("--folder", folder.parent, "--again", folder)


def test_a_saved_case_is_run_again(tmp_path):
    found = again(tmp_path / "saved", [["a", 25]])
    assert (found.returncode, found.stdout.splitlines()[-1]) == (0, "well"), found.stderr


def test_a_wrong_table_is_a_fault(tmp_path):
    found = again(tmp_path / "saved", [["a", 25], ["b", 25]])
    assert found.returncode == 1
    assert "FaultError: rows are [('a', 25)] of [('a', 25), ('b', 25)]" in found.stderr
