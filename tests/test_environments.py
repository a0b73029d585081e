"""The pinned versions of pip, conda and the Makefile are the same."""

import re
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
OTHER_NAMES = {"matplotlib-base": "matplotlib"}  # of conda
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


def test_torch_of_conda_is_that_of_the_makefile():
    makefile = (REPOSITORY / "Makefile").read_text()
    version = re.search(r"^TORCH_VERSION \?= (\S+)$", makefile, re.MULTILINE).group(1)
    assert conda_pins(REPOSITORY / "envs/model.yaml")["pytorch"] == version
