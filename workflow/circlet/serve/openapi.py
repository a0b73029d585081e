"""Write the description of the HTTP API, or the collection of requests that is made from it."""

import argparse
import json
import sys

from circlet.files import atomic_path

STANDARD_OUTPUT = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--output", default=STANDARD_OUTPUT, help="JSON; - is standard output")
    add("--postman", action="store_true", help="a collection for Postman, Bruno or newman instead")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    from circlet.serve.api import create_app
    from circlet.serve.collection import make_collection

    description = create_app(None).openapi()
    content = make_collection(description) if args.postman else description
    text = json.dumps(content, indent=2) + "\n"
    if args.output == STANDARD_OUTPUT:
        sys.stdout.write(text)
        return
    with atomic_path(args.output) as temporary:
        temporary.write_text(text, encoding="utf-8")
