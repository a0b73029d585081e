"""The rules declare the modules that their steps depend on, so that an edit reruns them."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from circlet.cli import STEPS

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "workflow/circlet"

# Plumbing that every step uses: its edit would rerun everything, training too.
PLUMBING = {"arguments.py", "cli.py", "errors.py", "files.py", "progress.py", "tables.py"}
# Types and constants that a step takes from a module whose doings it does not depend on.
NOT_DEPENDED_ON = {
    # Each rule declares the one source it reads, and the genome if it does.
    "parse": {"data/sources/", "data/genome.py"},
    "predict": {"data/records.py", "data/sources/places.py", "parts.py"},
    "train": {"parts.py"},
    "report": {"evaluation/curves.py", "evaluation/predictions.py", "parts.py"},
}


ANY_FILE = str(REPOSITORY / "README.md")  # a dry run reads none
CALLED = {
    "enabled": True,
    "label": "circRNA",
    "assembly": "hg19",
    "file": ANY_FILE,
    "genome": ANY_FILE,
}


def imported(module: str) -> set[str]:
    """Files of the package that a module imports, relative to the package."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("circlet"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            files = [Path(*name.split(".")[1:]).with_suffix(".py") for name in names if "." in name]
            found |= {str(file) for file in files if (PACKAGE / file).is_file()}
    return found


def closure(module: str) -> set[str]:
    """Files of the package that a module needs, itself included."""
    found, new = set(), {module}
    while new:
        found |= new
        new = set().union(*map(imported, new)) - found
    return found - PLUMBING


@pytest.fixture(scope="module")
def jobs(tmp_path_factory) -> list[tuple[str, str, set[str]]]:
    """Rule, step and declared modules of every job of a full run with every type of source."""
    folder = tmp_path_factory.mktemp("rules")
    settings = {
        "sources": {
            "circbase": {"enabled": True},
            "mine": {
                "type": "fasta",
                "enabled": True,
                "label": "lncRNA",
                "assembly": None,
                "file": str(REPOSITORY / "workflow/demo/lncrnas.chr21.fa"),
            },
            "coding_exons": {"enabled": True},
            "called": {**CALLED, "type": "bed12"},
            "quantified": {**CALLED, "type": "ciriquant", "annotation": ANY_FILE},
        },
        "runs": {"main": {"split": {"fold": 1, "hard_negatives": True}}},
        "predict": {"inputs": {"mine": str(REPOSITORY / "workflow/demo/lncrnas.chr21.fa")}},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    arguments = ["--dry-run", "--printshellcmds", "--cores", "1"]
    arguments += ["--snakefile", str(REPOSITORY / "Snakefile"), "--directory", str(folder)]
    arguments += ["--configfile", str(folder / "settings.json")]
    printed = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
    ).stdout
    found = []
    for block in re.split(r"^rule ", printed, flags=re.MULTILINE)[1:]:
        rule = block.partition(":")[0]
        inputs = re.search(r"^    input: (.*)$", block, re.MULTILINE)
        files = inputs.group(1).split(", ") if inputs else []
        code = {file.partition("workflow/circlet/")[2] for file in files if file.endswith(".py")}
        found += [(rule, step, code) for step in re.findall(r"\bcirclet ([a-z-]+) --?", block)]
    return found


def test_every_step_of_the_workflow_is_seen(jobs):
    assert {step for _, step, _ in jobs} == set(STEPS) - {"show"}


def test_rules_declare_what_their_steps_depend_on(jobs):
    missing = {}
    for rule, step, code in jobs:
        module = STEPS[step][0].removeprefix("circlet.").replace(".", "/") + ".py"
        skipped = tuple(NOT_DEPENDED_ON.get(step, ())) or ("nothing",)
        needed = {file for file in closure(module) if not file.startswith(skipped)}
        if needed - code:
            missing[rule] = sorted(needed - code)
    assert missing == {}


def test_parse_rules_declare_their_source(jobs):
    declared = {rule: code for rule, step, code in jobs if step == "parse"}
    for source in ("circrnadb", "gencode", "circbase", "bed12", "ciriquant", "fasta"):
        needed = closure(f"data/sources/{source}.py")
        assert needed - declared[f"parse_{source}"] == set()


def test_declared_modules_exist(jobs):
    declared = set().union(*(code for _, _, code in jobs))
    assert [file for file in declared if not (PACKAGE / file).is_file()] == []
