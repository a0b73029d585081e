"""What `make mutants` makes of mutmut's results."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MUTATION = HERE / "mutation" / "mutation.py"
SETTINGS = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["tool"]["mutmut"]
# Stands for mutmut: writes the results that lie beside it for each module that is to be mutated.
FAKE = f"""#!{sys.executable}
import sys
from pathlib import Path

assert sys.argv[1:] == ["run", "--max-children", "1"]
assert Path("tests", "conftest.py").exists() and Path("pyproject.toml").exists()
for module in {SETTINGS["only_mutate"]}:
    assert Path(module).exists()
    meta = Path("mutants", module + ".meta")
    meta.parent.mkdir(parents=True, exist_ok=True)
    meta.write_text(Path(__file__).with_name("results.json").read_text())
"""


def mutate(folder, codes, fake=FAKE):
    """Run it with a program that gives the mutants of each module these exit codes, in turn."""
    (folder / "mutmut").write_text(fake)
    (folder / "mutmut").chmod(0o755)
    results = {f"x_{number}": code for number, code in enumerate(codes)}
    (folder / "results.json").write_text(json.dumps({"exit_code_by_key": results}))
    words = ["--mutmut", str(folder / "mutmut"), "--folder", str(folder / "build")]
    command = [sys.executable, str(MUTATION), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("codes", "code", "figures"),
    [
        ([1, 3, 1, -24, 0], 0, "5 mutants, 3 killed, 1 ended by time, 1 survived: 80.0%"),
        ([1] * 79 + [0] * 21, 1, "100 mutants, 79 killed, 0 ended by time, 21 survived: 79.0%"),
        # Neither tested by any test nor tried counts as killed; nor does nothing.
        ([1, 33, None, 5, -11], 1, "5 mutants, 1 killed, 0 ended by time, 4 survived: 20.0%"),
        ([], 1, "0 mutants, 0 killed, 0 ended by time, 0 survived: 0.0%"),
    ],
)
def test_each_module_has_its_figures(tmp_path, codes, code, figures):
    found = mutate(tmp_path, codes)
    assert found.returncode == code, found.stderr
    lines = [f"{module}: {figures}" for module in SETTINGS["only_mutate"]]
    lines += ["mutants: a module has less than 80% killed"] * code
    assert found.stdout.splitlines() == lines


def test_mutants_that_could_not_be_tried_are_a_failure(tmp_path):
    found = mutate(tmp_path, [1], fake="#!/bin/sh\nexit 7\n")
    assert (found.returncode, found.stdout) == (7, "")


def test_what_is_mutated_is_there():
    assert len(SETTINGS["only_mutate"]) == 4
    for module in SETTINGS["only_mutate"]:
        assert (HERE.parent / "workflow" / module).is_file()
