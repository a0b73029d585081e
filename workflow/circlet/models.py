"""The models that are there: the one that ships with the package, and those that a run made."""

import argparse
import json
import logging
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from circlet.errors import InputError

DEFAULT = "default"  # name of the model that ships with the package
SHIPPED = Path(__file__).parent / "model" / DEFAULT
CARD, CONFIG = "README.md", "config.json"
FIGURES = {"roc_auc": "AUROC", "matthews_correlation": "MCC"}  # names in the card, and here
COLUMNS = ("model", "networks", "trees", "size", *FIGURES.values(), "scored on")

log = logging.getLogger(__name__)


class Found(NamedTuple):
    """A model that is there.

    Attributes:
        model: What `--model` takes.
        networks: How many it has.
        has_trees: Whether trees join them.
        size: Of its weights, bytes.
        figures: Scores by their names, as the card tells them.
        scored_on: What they are of; empty where there is no card.
    """

    model: str
    networks: int
    has_trees: bool
    size: int
    figures: dict[str, str]
    scored_on: str


def find_model(model: str | Path | None = None) -> Path:
    """Find what a user calls a model.

    Args:
        model: A folder or file, `default`, or None, which is the same.

    Raises:
        InputError: There is nothing of that name.
    """
    from circlet.files import reading  # here, so that help is quick: it reads tables too

    with reading(model or DEFAULT):  # a name may be too long to be asked for
        is_there = model is not None and Path(model).exists()
    if model is None or (str(model) == DEFAULT and not is_there):
        return SHIPPED
    if not is_there:
        mend = "'circlet models' lists what is there"
        raise InputError(model, "no such checkpoint folder or ONNX file", mend)
    return Path(model)


def list_models(folder: str | Path) -> list[Found]:
    """List the model that ships with the package, and the checkpoints in a folder, by name.

    Raises:
        InputError: The folder cannot be read.
    """
    from circlet.files import reading

    found = [describe_model(DEFAULT, SHIPPED)]
    with reading(folder):
        paths = sorted(Path(folder).glob(f"*/{CONFIG}"))
    for path in paths:
        try:
            found.append(describe_model(str(path.parent), path.parent))
        except InputError as error:
            log.warning("not listed: %s", error)
    return found


def describe_model(name: str, folder: Path) -> Found:
    """Describe a checkpoint by its config and, if there is one, its card.

    Raises:
        InputError: A file of it is damaged.
    """
    from circlet.files import read_json

    config = read_json(folder / CONFIG)
    if not isinstance(config, dict) or not isinstance(config.get("members"), list):
        raise InputError(folder / CONFIG, "not a checkpoint's config", "train the run again")
    card = read_card(folder / CARD)
    return Found(
        name,
        len(config["members"]),
        config.get("tree_weight") is not None,
        sum(path.stat().st_size for path in folder.glob("*.safetensors")),
        *card,
    )


def read_card(path: Path) -> tuple[dict[str, str], str]:
    """Read the key figures out of a model card, and what they are of; empty without a card.

    Raises:
        InputError: It begins with no metadata, as a card does.
    """
    import yaml

    from circlet.files import reading

    if not path.exists():
        return {}, ""
    with reading(path):
        _, front, *_ = (*path.read_text(encoding="utf-8").split("---\n", 2), "")
    try:
        result = yaml.safe_load(front)["model-index"][0]["results"][0]
        told = {metric["type"]: metric for metric in result["metrics"]}
        figures = {FIGURES[kind]: _figure(told[kind]) for kind in FIGURES if kind in told}
        return figures, str(result["dataset"]["name"])
    except (yaml.YAMLError, KeyError, IndexError, TypeError, ValueError):
        problem, mend = "not a model card with its figures", "write it again by the workflow"
        raise InputError(path, problem, mend) from None


def figures_of(model: Path) -> tuple[dict[str, str], str]:
    """Give what `read_card` does of a folder or file; empty also for a card that a person wrote."""
    try:
        return read_card(model / CARD) if model.is_dir() else ({}, "")
    except InputError:
        return {}, ""


def _figure(metric: dict[str, Any]) -> str:
    """Write a score of a card with its interval."""
    bounds = re.search(r"([\d.+-]+) to ([\d.+-]+)\)", metric["name"])
    interval = f" [{bounds[1]}, {bounds[2]}]" if bounds else ""
    return f"{float(metric['value']):.3f}{interval}"


def show(models: list[Found]) -> str:
    """Lay the models out as a table of text."""
    rows = [COLUMNS] + [
        (
            each.model,
            str(each.networks),
            "yes" if each.has_trees else "no",
            f"{each.size / 2**20:.1f} MiB",
            *(each.figures.get(name, "-") for name in FIGURES.values()),
            each.scored_on or "no card",
        )
        for each in models
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        + "\n"
        for row in rows
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--folder", default="results/models", help="where runs left theirs")
    add("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    models = list_models(args.folder)
    if args.json:
        text = json.dumps([each._asdict() for each in models], indent=2) + "\n"
    else:
        text = show(models)
    sys.stdout.write(text)
