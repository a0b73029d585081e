"""Step `circlet model-card`: the model card and the DOME checklist of a run, as Markdown.

The card is after Mitchell et al. 2019 (Model cards for model reporting, FAT*) and the Hugging Face
Hub, the checklist after Walsh et al. 2021 (Nat. Methods 18:1122). All that they tell is read from
the run's own files; nothing of when or where they were made enters.
"""

import argparse
import logging
import shlex
from dataclasses import fields
from pathlib import Path

from circlet import __version__
from circlet.evaluation.model_card.about import (
    tell_data,
    tell_model,
    tell_split,
    tell_uses,
)
from circlet.evaluation.model_card.dome import answer_all
from circlet.evaluation.model_card.front_matter import front_matter
from circlet.evaluation.model_card.inputs import Facts, Files, load_facts
from circlet.evaluation.model_card.limits import tell_limits
from circlet.evaluation.model_card.scores import tell_calibration, tell_scores
from circlet.evaluation.model_card.training import tell_training
from circlet.evaluation.model_card.trust import tell_trust
from circlet.files import atomic_text
from circlet.markdown import Markdown, markdown_environment

FIRST = (tell_trust, tell_uses)
SECTIONS = (
    tell_scores,
    tell_calibration,
    tell_limits,
    tell_model,
    tell_data,
    tell_split,
    tell_training,
)

log = logging.getLogger(__name__)

TEMPLATES = "circlet.evaluation.model_card"


def render_card(facts: Facts) -> str:
    """Fill the template of the model card."""
    folder = " ".join(f"path/to/{facts.name}".split())  # one line: no fence can end in it
    template = markdown_environment(TEMPLATES).get_template("model_card.md.j2")
    return template.render(
        facts=facts,
        front_matter=Markdown(front_matter(facts)),
        first=[tell(facts) for tell in FIRST],
        sections=[tell(facts) for tell in SECTIONS],
        shell_folder=Markdown(shlex.quote(folder)),
        python_folder=Markdown(repr(folder)),
        min_length=facts.config["min_length"],
        version=__version__,
    )


def render_dome(facts: Facts) -> str:
    """Fill the template of the DOME checklist."""
    template = markdown_environment(TEMPLATES).get_template("dome.md.j2")
    return template.render(facts=facts, pillars=answer_all(facts), version=__version__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--name", required=True, help="name of the run, as in the comparison")
    add("--model", type=Path, required=True, help="folder of its checkpoint")
    add("--comparison", type=Path, required=True, help="table of all scores")
    add("--metrics", type=Path, nargs="+", required=True, help="the run's files of metrics")
    add("--differences", type=Path, help="its paired differences from its rivals")
    add("--strata", type=Path, required=True, help="its scores by stratum")
    add("--datasheet", type=Path, required=True, help="of the dataset, JSON")
    add("--transcripts", type=Path, required=True, help="the dataset, Parquet")
    add("--split", type=Path, required=True, help="the run's split, named by its scheme")
    add(
        "--benchmark",
        type=Path,
        help="what classifying the dataset took, of Snakemake, TSV; may be missing",
    )
    add("--card", type=Path, required=True, help="model card to write, Markdown")
    add("--dome", type=Path, required=True, help="DOME checklist to write, Markdown")


def run(args: argparse.Namespace) -> None:
    """Write the model card and the checklist of a run."""
    files = Files(**{field.name: getattr(args, field.name) for field in fields(Files)})
    facts = load_facts(args.name, files)
    for path, text in ((args.card, render_card(facts)), (args.dome, render_dome(facts))):
        with atomic_text(path) as handle:
            handle.write(text)
    log.info("Model card: %s; DOME checklist: %s", args.card, args.dome)
