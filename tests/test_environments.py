"""The pinned versions of pip, conda and the Makefile are the same."""

import ast
import re
import sys
from pathlib import Path

import pytest
import yaml
from test_rules import PACKAGE, closure

from circlet.cli import STEPS

REPOSITORY = Path(__file__).resolve().parents[1]
OTHER_NAMES = {"matplotlib-base": "matplotlib"}  # of conda
CONDA_NAMES = {
    "Bio": "biopython",
    "PIL": "pillow",
    "matplotlib": "matplotlib-base",
    "sklearn": "scikit-learn",
    "torch": "pytorch",
    "urllib3": "requests",  # which brings it
}
NOT_OF_PIP = {"python", "pytorch", "mmseqs2"}


def constraints() -> dict[str, str]:
    lines = (REPOSITORY / "envs/constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def conda_pins(path: Path) -> dict[str, str]:
    dependencies = yaml.safe_load(path.read_text())["dependencies"]
    return dict(dependency.split(" =") for dependency in dependencies)


@pytest.mark.parametrize("name", ["data", "model", "evaluation"])
def test_conda_pins_are_those_of_pip(name):
    pins = conda_pins(REPOSITORY / f"envs/{name}.yaml")
    wanted = constraints()
    assert pins["python"] == "3.11"
    for package in pins.keys() - NOT_OF_PIP:
        assert pins[package] == wanted[OTHER_NAMES.get(package, package)], package


def test_what_the_steps_import_is_in_their_environment():
    """Imports within functions included: a step run by conda finds no other package."""
    missing = {}
    for step, (module, _) in STEPS.items():
        if step == "show":  # not a rule's
            continue
        path = module.removeprefix("circlet.").replace(".", "/") + ".py"
        names = (name for name, steps in steps_of_environments().items() if step in steps)
        for wing in names:
            pins = conda_pins(REPOSITORY / f"envs/{wing}.yaml")
            needed = set().union(*(packages(file) for file in closure(path) | {path}))
            if needed - pins.keys():
                missing[step, wing] = needed - pins.keys()
    assert missing == {}


def steps_of_environments() -> dict[str, set[str]]:
    """The steps that the rules with each environment call."""
    found: dict[str, set[str]] = {"data": set(), "model": set(), "evaluation": set()}
    for wing in found:
        text = (REPOSITORY / f"workflow/rules/{wing}.smk").read_text()
        for rule in re.split(r"^rule ", text, flags=re.MULTILINE)[1:]:
            for name in re.findall(r"envs/(\w+)\.yaml", rule):
                found[name] |= set(re.findall(r"circlet ([a-z-]+) ", rule))
    return found


def packages(module: str) -> set[str]:
    """The third-party packages that a module of circlet imports, by their names in conda."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    own = found - set(sys.stdlib_module_names) - {"circlet", ""}
    return {CONDA_NAMES.get(name, name) for name in own}


def test_torch_of_conda_is_that_of_the_makefile():
    makefile = (REPOSITORY / "Makefile").read_text()
    version = re.search(r"^TORCH_VERSION \?= (\S+)$", makefile, re.MULTILINE).group(1)
    assert conda_pins(REPOSITORY / "envs/model.yaml")["pytorch"] == version
