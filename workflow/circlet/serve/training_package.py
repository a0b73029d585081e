"""Pack what AWS' training container runs: the `source_dir` of a training job, as one archive.

The package is on no index that such a container could install it from, so its sources are in there,
and `config.yaml`, whose first run gives the hyperparameters that a job does not.
"""

import argparse
import logging

from circlet.cli import STEPS
from circlet.serve.archive import pack, requirements, sources
from circlet.serve.hyperparameters import CONFIG, find_config
from circlet.serve.model_package import HANDLERS
from circlet.serve.model_package import REQUIREMENTS as OF_INFERENCE
from circlet.serve.sagemaker_training import CALLED

log = logging.getLogger(__name__)

REQUIREMENTS = (*OF_INFERENCE, "pyyaml")
PROGRAM = "train.py"
TRAIN = '''"""What SageMaker's training toolkit runs."""

import sys

from circlet.serve.sagemaker_training import main

if __name__ == "__main__":
    sys.exit(main())
'''


def source_files() -> dict[str, bytes]:
    """Give the files of the archive by their names.

    Raises:
        InputError: There is no `config.yaml` beside the package.
    """
    steps = [STEPS[step][0].removeprefix("circlet.").replace(".", "/") + ".py" for step in CALLED]
    return {
        PROGRAM: TRAIN.encode(),
        "requirements.txt": requirements(REQUIREMENTS),
        CONFIG: find_config().read_bytes(),
        **sources("__main__.py", "serve/sagemaker_training.py", HANDLERS, *steps),
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--output", required=True, help="the archive, such as sourcedir.tar.gz")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    files = source_files()
    pack(files, args.output)
    log.info("%s: %d files; its program is %s", args.output, len(files), PROGRAM)
