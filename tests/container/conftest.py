"""The images, built once."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import Engine, lacking


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """What builds and runs, with the base that the Dockerfile names."""
    if problem := lacking():
        pytest.fail(f"no images to test: {problem}")
    engine = Engine(Path(tempfile.mkdtemp(prefix="circlet-images-")))
    try:
        engine.make_base()
        yield engine
    finally:
        engine.remove()


@pytest.fixture(scope="session")
def api(engine: Engine) -> str:
    """Name of the image of the HTTP API."""
    return engine.build("api")


@pytest.fixture(scope="session")
def app(engine: Engine) -> str:
    """Name of the image of the web page."""
    return engine.build("app")
