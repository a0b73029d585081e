"""Write the description of the HTTP API, from which clients and collections are made."""

import argparse
import json
import sys

from circlet.files import atomic_path

STANDARD_OUTPUT = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--output", default=STANDARD_OUTPUT, help="JSON; - is standard output")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    from circlet.serve.api import create_app

    text = json.dumps(create_app(None).openapi(), indent=2) + "\n"
    if args.output == STANDARD_OUTPUT:
        sys.stdout.write(text)
        return
    with atomic_path(args.output) as temporary:
        temporary.write_text(text, encoding="utf-8")
