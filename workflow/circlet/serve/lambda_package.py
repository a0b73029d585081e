"""Pack the function of AWS Lambda as a zip: the same bytes of the same sources."""

import argparse
import logging
import shutil
import zipfile
from pathlib import Path

import circlet

# All that `circlet.serve.aws_lambda.handler` needs of ours. The rest is AWS': boto3 comes with
# Lambda's Python, powertools and pydantic with the layer that the template `stack.yaml` names.
MODULES = ("__init__.py", "serve/__init__.py", "serve/aws_lambda.py", "serve/schema.py")
TEMPLATE = "serve/templates/stack.yaml"
SOME_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip can tell
READABLE = 0o100644 << 16  # a file that Lambda's user may read
UNIX = 3

log = logging.getLogger(__name__)


def write_zip(path: Path) -> None:
    """Write the modules as a zip.

    They are stored as they are: they are small, and compressed bytes depend on the zlib.
    """
    folder = Path(circlet.__file__).parent
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in MODULES:
            entry = zipfile.ZipInfo(f"{folder.name}/{name}", SOME_TIME)
            entry.external_attr, entry.create_system = READABLE, UNIX
            archive.writestr(entry, (folder / name).read_bytes())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--output", required=True, type=Path, help="the zip, such as lambda.zip")
    add("--template", type=Path, help="also write the CloudFormation template of the stack there")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    from circlet.files import atomic_path

    with atomic_path(args.output) as temporary:
        write_zip(temporary)
    log.info("%s: %d bytes", args.output, args.output.stat().st_size)
    if args.template is not None:
        with atomic_path(args.template) as temporary:
            shutil.copyfile(Path(circlet.__file__).parent / TEMPLATE, temporary)
