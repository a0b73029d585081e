"""The workflow in an image, by a stand-in for apptainer that Snakemake calls as the real one."""

import json
import stat
import sys
from pathlib import Path

import pandas as pd
import pytest
from workflow_inputs import copy_repository, demo_config, planned, snakemake

pytestmark = pytest.mark.workflow

TARGET = "results/demo/dataset/transcripts.parquet"
MADE = {"parse_fasta", "build_dataset"}
IMAGE, ADDRESS = "images/circlet.sif", "docker://registry.example/circlet:1.0"
# Told of itself as Snakemake asks, it notes how it is called, and runs a command as in the image:
# with this environment's Python on PATH, which the host has not, and with HOME where it is bound.
STAND_IN = """#!{python}
import json, os, pathlib, sys

words = sys.argv[1:]
if words == ["--version"]:
    sys.exit(print("apptainer version 1.3.4"))
here = pathlib.Path(__file__).parent
call, options = words.pop(0), {{}}
while words[0].startswith("--"):
    options.setdefault(words[0], []).append(words[1])
    del words[:2]
with open(here / "calls", "a") as calls:
    calls.write(json.dumps([call, options, words[0]]) + "\\n")
if call == "pull":
    pathlib.Path(options["--name"][0]).write_text("an image")
    sys.exit()
assert os.path.isfile(words[0]), words
os.environ |= {{"PATH": "{bin}:/usr/bin:/bin", "HOME": options["--home"][0]}}
os.execvp(words[1], words[1:])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the repository with an image in it."""
    folder = tmp_path / "copy"
    folder.mkdir()
    (folder / IMAGE).parent.mkdir()
    (folder / IMAGE).write_text("an image")
    return copy_repository(folder)


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """Folder of the stand-in, for PATH, where its file `calls` will be."""
    program = tmp_path / "bin" / "apptainer"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable, bin=Path(sys.executable).parent))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program.parent


def in_image(folder: Path, image: str | None, *arguments: str) -> tuple[str, ...]:
    """Arguments of Snakemake for the target, in an image of the config."""
    return (TARGET, *arguments, *demo_config(folder, {"container": image}))


def calls_of(stand_in: Path) -> list[tuple[str, dict[str, list[str]], str]]:
    """What the stand-in was asked for: the command, its options, and the image."""
    return [tuple(json.loads(line)) for line in (stand_in / "calls").read_text().splitlines()]


def test_rules_run_in_the_image_of_the_config(folder, stand_in):
    path = f"{stand_in}:/usr/bin:/bin"
    sdm = ("--sdm", "apptainer")
    result = snakemake(folder, *in_image(folder, IMAGE, *sdm), path=path)
    assert result.returncode == 0, result.stdout
    assert len(pd.read_parquet(folder / TARGET)) == 224
    calls = calls_of(stand_in)
    # Two sources are parsed and the dataset is built, all with the working folder bound.
    assert [(call, image) for call, _, image in calls] == [("exec", IMAGE)] * 3
    assert [options["--home"] for _, options, _ in calls] == [[str(folder)]] * 3

    # Another image is another environment, unless one says that it is none.
    assert planned(folder, *in_image(folder, IMAGE, *sdm), path=path) == set()
    other = in_image(folder, ADDRESS, *sdm)
    triggers = ("--rerun-triggers", "mtime", "params", "input", "code")
    assert planned(folder, *other, path=path) == MADE
    assert planned(folder, *other, *triggers, path=path) == set()


def test_an_image_is_pulled_from_its_address(folder, stand_in):
    result = snakemake(
        folder,
        *in_image(folder, ADDRESS, "--sdm", "apptainer", "--until", "parse_fasta"),
        path=f"{stand_in}:/usr/bin:/bin",
    )
    assert result.returncode == 0, result.stdout
    (pull, *runs) = calls_of(stand_in)
    assert pull == ("pull", {"--name": pull[1]["--name"]}, ADDRESS)
    assert [Path(image).name for _, _, image in runs] == pull[1]["--name"] * 2


def test_without_the_option_the_image_changes_nothing(folder, stand_in):
    result = snakemake(folder, *in_image(folder, None))
    assert result.returncode == 0, result.stdout
    assert planned(folder, *in_image(folder, IMAGE)) == set()
    in_it = in_image(folder, IMAGE, "--sdm", "apptainer")
    assert planned(folder, *in_it, path=f"{stand_in}:/usr/bin:/bin") == MADE


def test_an_image_that_is_not_there_is_one_clear_line(folder):
    result = snakemake(folder, *in_image(folder, "images/none.sif", "--dry-run"))
    assert result.returncode == 2
    told = "circlet: error: config: container: there is no file 'images/none.sif'; correct the path"
    assert told in result.stdout
