"""Command-line flags made from the fields of a dataclass, so that a setting is named once."""

import argparse
from dataclasses import MISSING, fields
from typing import Any, ClassVar, Protocol, TypeVar, get_args, get_type_hints


class Dataclass(Protocol):
    """What makes an object one of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Settings = TypeVar("Settings", bound=Dataclass)
Parser = argparse.ArgumentParser | argparse._ArgumentGroup

TRUTH = {"true": True, "false": False}


def truth(text: str) -> bool:
    """Read `true` or `false`, in any case."""
    if text.lower() not in TRUTH:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return TRUTH[text.lower()]


def add_options(parser: Parser, settings: type[Dataclass]) -> None:
    """Add a flag for each field that has a default; help and choices are its metadata.

    A truth is switched by `--name` and `--no-name`, or given as `--name true` and `--name false`.
    """
    types = get_type_hints(settings)
    for field in fields(settings):
        if field.default is MISSING:
            continue
        # Of `float | None`, the first.
        kind = (get_args(types[field.name]) or (types[field.name],))[0]
        name, shape = field.name.replace("_", "-"), {"type": kind}
        if kind is bool:
            shape = {"type": truth, "nargs": "?", "const": True, "metavar": "true|false"}
        parser.add_argument(f"--{name}", default=field.default, **shape, **field.metadata)
        if kind is bool:
            parser.add_argument(
                f"--no-{name}",
                dest=field.name,
                action="store_false",
                default=field.default,
                help=argparse.SUPPRESS,
            )


def read_options(settings: type[Settings], args: argparse.Namespace, **others: Any) -> Settings:
    """Make the dataclass from parsed flags and from the fields that have none."""
    names = [field.name for field in fields(settings) if field.default is not MISSING]
    return settings(**{name: getattr(args, name) for name in names}, **others)
