"""A SLURM, and the pipeline as a user submits it there."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import lacking, running
from places import CORES, LONG, WEIGHTS, Place
from workflow_inputs import copy_repository


@pytest.fixture(scope="session")
def slurm() -> Iterator[None]:
    """A SLURM that runs, without accounting."""
    if problem := lacking():
        pytest.fail(f"no SLURM to test with: {problem}")
    with running(kill_wait=20):
        yield


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The repository, copied to where nothing can be written."""
    copy = copy_repository(tmp_path_factory.mktemp("copy"))
    place = tmp_path_factory.mktemp("source")
    mount = ["mount", "--bind", "-o", "ro", str(copy), str(place)]
    subprocess.run(mount, check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Another disk."""
    place = tmp_path_factory.mktemp("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "circlet", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="session")
def submitted(
    slurm: None, source: Path, disk: Path, tmp_path_factory: pytest.TempPathFactory
) -> Place:
    """A workflow that went through SLURM from beginning to end, its results on another disk."""
    place = Place(tmp_path_factory.mktemp("submitted"), source, disk / "results")
    place.finish(place.start({}))
    return place


@pytest.fixture(scope="session")
def alone(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The same workflow without SLURM."""
    folder = tmp_path_factory.mktemp("alone")
    place = Place(folder, source, folder / "results")
    place.finish(place.call(place.command({}, *CORES)))
    return place


@pytest.fixture(scope="session")
def uninterrupted(alone: Place, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights that a long training ends with if nothing happens to it."""
    place = alone.copy(tmp_path_factory.mktemp("uninterrupted") / "folder")
    target = str(place.results / WEIGHTS)
    place.finish(place.call(place.command(LONG, *CORES, target)))
    return (place.results / WEIGHTS).read_bytes()
