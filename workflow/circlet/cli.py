"""The command line `circlet STEP …`: every rule of the workflow calls it, and so do people."""

import argparse
import errno
import importlib
import logging
import mmap
import os
import signal
import sys
from collections.abc import Sequence

from circlet import __version__
from circlet.errors import InputError
from circlet.termination import end_at_once

# Step: the module that does it and one line of help. A module has `add_arguments(parser)` and
# `run(args)`; it is imported only when its step is asked for, so that `--help` stays quick.
STEPS = {
    "download": ("circlet.data.download", "fetch one upstream file, checked and recorded"),
    "parse": ("circlet.data.parse", "turn one upstream's files into a table of transcripts"),
    "linear-exons": ("circlet.data.hard_negatives", "cut hard negatives out of coding transcripts"),
    "dataset": ("circlet.data.dataset", "clean, label and deduplicate the transcripts"),
    "homology": ("circlet.data.homology", "cluster the transcripts by similarity"),
    "split": ("circlet.data.splits", "divide the transcripts into train, validation and test"),
    "external": ("circlet.data.external", "make labelled sequences of your own ready as test sets"),
    "variant": ("circlet.data.variant", "make a split with a fold held out, or hard negatives"),
    "leakage": ("circlet.data.leakage", "audit the splits for relatives of the test part"),
    "card": ("circlet.data.card.card", "write the dataset card and its datasheet"),
    "vocabulary": ("circlet.model.kmers", "build the k-mer vocabulary of a run"),
    "tokens": ("circlet.model.tokens", "encode the transcripts as tokens on disk"),
    "train": ("circlet.model.train", "train a run's network for one seed"),
    "trees": ("circlet.model.trees", "grow the boosted trees of a run"),
    "assemble": ("circlet.model.assemble", "join the seeds of a run into one checkpoint"),
    "search": ("circlet.model.search", "rank the trials of a search"),
    "predict": ("circlet.classify", "classify sequences of your own, or the dataset"),
    "gather": ("circlet.gather", "join the tables of a file that was classified in pieces"),
    "models": ("circlet.models", "list the models that are there"),
    "export": ("circlet.model.export", "turn a checkpoint into one ONNX file"),
    "baseline": ("circlet.evaluation.baselines", "fit a baseline and classify the dataset with it"),
    "confounds": ("circlet.evaluation.confounds", "score single descriptors under each split"),
    "confounds-figure": ("circlet.evaluation.confounds_figure", "draw what descriptors score"),
    "evaluate": ("circlet.evaluation.metrics", "score predictions, with intervals"),
    "seeds": ("circlet.evaluation.seeds", "score each seed of a run by itself"),
    "folds": ("circlet.evaluation.folds", "gather the folds of a cross-validation"),
    "differences": (
        "circlet.evaluation.differences",
        "compare a run with its rivals, paired, with intervals",
    ),
    "strata": ("circlet.evaluation.strata", "score strata of a part, and tell the mistakes"),
    "explain": ("circlet.evaluation.explain.explain", "tell what calls rest on, base by base"),
    "gather-explanation": (
        "circlet.evaluation.explain.gather",
        "join the pieces of an explanation",
    ),
    "figures": ("circlet.evaluation.figures", "draw the curves of one set of predictions"),
    "compare": ("circlet.evaluation.comparison", "put all runs and baselines in one table"),
    "model-card": (
        "circlet.evaluation.model_card.model_card",
        "write the model card and the DOME checklist of a run",
    ),
    "forest": ("circlet.evaluation.forest", "draw all scores, and those that others published"),
    "learning": ("circlet.evaluation.learning", "draw the learning curves of a run"),
    "strata-figure": ("circlet.evaluation.strata_figure", "draw the scores of a run's strata"),
    "resources": ("circlet.evaluation.resources", "gather time and memory of the steps"),
    "report": ("circlet.evaluation.report.report", "write the report page"),
    "show": ("circlet.evaluation.show", "print the comparison and where the report is"),
    "serve": ("circlet.serve.server", "serve a model by HTTP"),
    "openapi": ("circlet.serve.openapi", "write the description of the HTTP API"),
    "page": ("circlet.serve.page_server", "serve the web page for classifying sequences"),
    "package-model": ("circlet.serve.model_package", "pack a checkpoint for SageMaker"),
    "package-training": ("circlet.serve.training_package", "pack what a SageMaker job trains with"),
    "package-lambda": ("circlet.serve.lambda_package", "pack the function of AWS Lambda as a zip"),
    "deploy": ("circlet.serve.deploy", "put a packed model behind a SageMaker endpoint"),
    "completion": ("circlet.completion", "print what lets a shell complete these commands"),
}
EXAMPLES = """examples:
  circlet predict transcripts.fa.gz --output calls.tsv    classify with the model that ships with it
  circlet models                                          what models there are, and their scores
  circlet explain --model results/models/main transcripts.fa --output why
  circlet export --model results/models/main --output main.onnx

'circlet STEP --help' tells a step's options. Most steps are called by the workflow's rules."""
RED, PLAIN = "\033[1;31m", "\033[0m"

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

# How PyTorch, Python's threads and the loader of libraries say so, which have no error of its own.
NO_MEMORY = (
    "out of memory",
    "allocate memory",
    "could not create a primitive",
    "not enough memory",
    "start new thread",
    "failed to map segment from shared object",
)
# Where not even so much is to be had, any error comes of that: libraries lose parts on the way, as
# a module that could not be loaded, and say something else.
LITTLE_MEMORY = 16 * 2**20  # bytes

# What a step may need beside the base packages, by the extra that brings it.
EXTRAS = {
    "torch": ("torch",),
    "serve": (
        "fastapi",
        "fastapi_offline",
        "prometheus_client",
        "pydantic",
        "pythonjsonlogger",
        "uvicorn",
    ),
    "page": ("streamlit",),
    "aws": ("aws_lambda_powertools", "boto3", "botocore"),
}


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says, in one of the libraries' ways, that the memory is out, or it is."""
    return (
        isinstance(error, MemoryError)
        or getattr(error, "errno", None) == errno.ENOMEM
        or any(words in str(error) for words in NO_MEMORY)
        or not can_allocate(LITTLE_MEMORY)
    )


def can_allocate(size: int) -> bool:
    """Whether the system gives so many bytes."""
    try:
        mmap.mmap(-1, size).close()
    except OSError:
        return False
    return True


class Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Tells the default of an option, if it has one, and leaves examples as they are."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, "", []):
            return action.help
        return super()._get_help_string(action)


def complain(step: str | None, problem: str) -> None:
    """Print what is wrong in one line, on a terminal in colour unless NO_COLOR is set."""
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    word = "error" if is_plain or not sys.stderr.isatty() else f"{RED}error{PLAIN}"
    print(f"circlet {step}: {word}: {problem}", file=sys.stderr)


def build_parser(*chosen: str | None) -> argparse.ArgumentParser:
    """Build the parser; only the chosen steps' modules are imported and add their arguments."""
    parser = argparse.ArgumentParser(
        prog="circlet",
        description="Tell circular RNAs from other long non-coding RNAs by sequence.",
        epilog=EXAMPLES,
        formatter_class=Formatter,
    )
    parser.add_argument("--version", action="version", version=f"circlet {__version__}")
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    for name, (module, summary) in STEPS.items():
        step = steps.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            formatter_class=Formatter,
        )
        if name in chosen:
            loaded = importlib.import_module(module)
            loaded.add_arguments(step)
            step.set_defaults(run=loaded.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one step.

    Args:
        argv: The arguments, without the program's name; those of the process by default.

    Returns:
        The exit code: 0 when done, 1 without enough memory, 2 for bad input, 130 when interrupted.
    """
    signal.signal(signal.SIGTERM, end_at_once)
    arguments = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in arguments if word in STEPS), None)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        # A step that starts itself anew, as several processes, has to know its own words.
        known = argparse.Namespace(words=arguments)
        args = build_parser(chosen).parse_args(arguments, known)
        args.run(args)
        sys.stdout.flush()  # here, where a broken pipe is met, and not at the interpreter's end
    except InputError as error:
        complain(chosen, str(error))
        return EXIT_BAD_INPUT
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        extra = next((name for name, packages in EXTRAS.items() if missing in packages), None)
        if extra is None:
            raise
        mend = f"pip install 'circlet[{extra}]'"
        complain(chosen, f"this step needs {missing}, which is not installed; {mend}")
        return EXIT_BAD_INPUT
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing to tell it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        complain(chosen, "the memory does not suffice; give it more, such as the rule's mem_mb")
        return EXIT_FAILED
    except KeyboardInterrupt:
        print(f"circlet {chosen}: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0
