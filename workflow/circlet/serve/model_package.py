"""Pack a checkpoint as `model.tar.gz`, which AWS' inference containers and our own serve.

The checkpoint's files and its card are at the root, what runs it in AWS' containers under `code/`:
the package's own sources, which SageMaker puts on `sys.path`.
"""

import argparse
import logging
from pathlib import Path

from circlet.errors import InputError
from circlet.models import CARD, find_model
from circlet.serve.archive import pack, requirements, sources

log = logging.getLogger(__name__)

# All that the code of an inference imports beside torch, which such a container has in its build.
REQUIREMENTS = (
    "biopython",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "safetensors",
    "scikit-learn",
    "scipy",
    "tqdm",
    "zstandard",
)
HANDLERS = "serve/sagemaker_inference.py"
INFERENCE = '''"""What SageMaker's inference toolkit calls."""

from circlet.serve.sagemaker_inference import input_fn, model_fn, output_fn, predict_fn

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]
'''


def code_files() -> dict[str, bytes]:
    """Give the files under `code/`, by their names in the archive."""
    files = {
        "inference.py": INFERENCE.encode(),
        "requirements.txt": requirements(REQUIREMENTS),
        **sources(HANDLERS),
    }
    return {f"code/{name}": content for name, content in files.items()}


def model_files(model: str | Path) -> dict[str, bytes]:
    """Give the files of a checkpoint that its manifest names, this, and the card if there is one.

    Args:
        model: A checkpoint folder, or `default`.

    Raises:
        InputError: It is an ONNX file, or a checkpoint that is missing, damaged or changed.
    """
    from circlet.model.checkpoint import MANIFEST, Checkpoint, read_files

    folder = find_model(model)
    if folder.is_file():
        mend = "give the checkpoint folder that the file was exported from"
        raise InputError(folder, "is one file, which SageMaker's handlers do not serve", mend)
    Checkpoint.load(folder)  # what would fail there fails here
    names = [MANIFEST, *(name for name in (CARD,) if (folder / name).is_file())]
    return read_files(folder) | {name: (folder / name).read_bytes() for name in names}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--model", required=True, help="checkpoint folder, or 'default'")
    parser.add_argument("--output", required=True, help="the archive, such as model.tar.gz")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    files = model_files(args.model) | code_files()
    pack(files, args.output)
    log.info("%s: %d files", args.output, len(files))
