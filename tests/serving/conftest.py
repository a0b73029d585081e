"""Servers on this machine that the tests of this folder share."""

from collections.abc import Iterator

import pytest
from servers import serving


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the API, which serves the model that ships with the package."""
    with serving(tmp_path_factory.mktemp("api") / "log") as (address, _):
        yield address
