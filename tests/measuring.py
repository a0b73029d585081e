"""Processes that coverage does not measure."""

import os
from collections.abc import Mapping


def unmeasured(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """An environment for a program of whose modules or files a test counts each."""
    return {name: word for name, word in environment.items() if not name.startswith("COVERAGE")}
