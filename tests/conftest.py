"""Fixtures shared by the tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def mirror() -> Path:
    """Folder with real upstream files as <host>/<path>, named by CIRCLET_MIRROR."""
    folder = os.environ.get("CIRCLET_MIRROR", "")
    if not folder:
        pytest.skip("CIRCLET_MIRROR is not set: no mirror of real upstream files to read")
    return Path(folder)
