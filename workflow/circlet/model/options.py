"""Command-line flags made from the fields of a dataclass, so that a setting is named once."""

import argparse
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_args, get_type_hints

Settings = TypeVar("Settings")


def add_options(parser: argparse.ArgumentParser, settings: type) -> None:
    """Add a flag for each field that has a default; help and choices are its metadata."""
    types = get_type_hints(settings)
    for field in fields(settings):
        if field.default is MISSING:
            continue
        # Of `float | None`, the first.
        kind = (get_args(types[field.name]) or (types[field.name],))[0]
        parser.add_argument(
            f"--{field.name.replace('_', '-')}", type=kind, default=field.default, **field.metadata
        )


def read_options(settings: type[Settings], args: argparse.Namespace, **others: Any) -> Settings:
    """Make the dataclass from parsed flags and from the fields that have none."""
    names = [field.name for field in fields(settings) if field.default is not MISSING]
    return settings(**{name: getattr(args, name) for name in names}, **others)
