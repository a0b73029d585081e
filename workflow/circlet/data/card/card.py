"""Step `circlet card`: the dataset card, for people as Markdown and HTML, for machines as JSON.

All that it tells is computed from the tables of the steps before; nothing of when or where it was
made enters, so that the same tables give the same bytes.
"""

import argparse
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

from circlet.data.card.contents import (
    tell_classes,
    tell_dataset,
    tell_filters,
    tell_flags,
    tell_sources,
)
from circlet.data.card.datasheet import make_datasheet
from circlet.data.card.figures import PICTURES, caption_of, draw, histogram
from circlet.data.card.inputs import Inputs, Sheet
from circlet.data.card.limits import tell_limits
from circlet.data.card.trust import (
    tell_confounds,
    tell_hard_negatives,
    tell_leakage,
    tell_splits,
)
from circlet.drawing import save, svg_of
from circlet.files import atomic_text, write_json, write_table
from circlet.markdown import markdown_environment
from circlet.pages import data_uri, environment

SECTIONS = (
    tell_dataset,
    tell_sources,
    tell_filters,
    tell_flags,
    tell_classes,
    tell_splits,
    tell_leakage,
    tell_confounds,
    tell_hard_negatives,
    tell_limits,
)

log = logging.getLogger(__name__)


def render_markdown(folder: str, **content: Any) -> str:
    """Fill the template of the Markdown card.

    Args:
        folder: Where the pictures are, relative to the card.
        content: What the template shows.
    """
    templates = markdown_environment("circlet.data.card")
    return templates.get_template("card.md.j2").render(folder=quote(folder), **content)


def render_html(pictures: Mapping[str, bytes], **content: Any) -> str:
    """Fill the template of the HTML card.

    Args:
        pictures: SVG of each picture, by its name.
        content: What the template shows.
    """
    images = {name: data_uri(svg) for name, svg in pictures.items()}
    templates = environment("circlet.data.card")
    templates.tests["hash"] = re.compile("[0-9a-f]{64}").fullmatch
    return templates.get_template("card.html.j2").render(images=images, **content)


def tell_citing(sheet: Sheet) -> str:
    """Say what to name and what to cite."""
    about = sheet["transcripts"]
    return (
        f"Name this dataset by the SHA-256 of {about['file']}, {about['sha256']}, and the split "
        "scheme that a score is of. Cite the upstreams that it was made of, listed here, and the "
        "origin of any other file."
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--title", default="circlet dataset", help="name of the dataset")
    add("--transcripts", type=Path, required=True, help="the dataset, Parquet")
    add("--summary", type=Path, required=True, help="what each filter took, TSV")
    add("--downloads", type=Path, nargs="*", default=[], help="records of downloads")
    add("--splits", type=Path, nargs="+", required=True, help="tables of parts, named by scheme")
    add("--leakage", type=Path, required=True, help="audit of the splits, TSV")
    add("--confounds", type=Path, required=True, help="AUROC of single descriptors, TSV")
    add("--subsets", type=Path, required=True, help="ids of the matched and other subsets, Parquet")
    add("--settings", type=Path, help="JSON of the config's sources, dataset and split")
    add("--markdown", type=Path, required=True, help="card to write, Markdown")
    add("--html", type=Path, required=True, help="card to write, HTML")
    add("--datasheet", type=Path, required=True, help="card for machines to write, JSON")
    add("--figure-dir", type=Path, required=True, help="folder for the pictures and their points")


def run(args: argparse.Namespace) -> None:
    """Write the dataset card."""
    inputs = Inputs(**{field.name: getattr(args, field.name) for field in fields(Inputs)})
    sheet, measured = make_datasheet(args.title, inputs)
    points = {name: histogram(measured, name) for name in PICTURES}
    figures = {name: draw(points[name], name) for name in PICTURES}
    content = {
        "sheet": sheet,
        "title": f"Dataset card: {args.title}",
        "sections": [tell(sheet) for tell in SECTIONS],
        "citing": tell_citing(sheet),
        "datasheet": args.datasheet.name,
        "captions": {name: caption_of(sheet, name) for name in PICTURES},
    }
    folder = os.path.relpath(args.figure_dir, args.markdown.parent)
    markdown = render_markdown(Path(folder).as_posix(), **content)
    html = render_html({name: svg_of(figure) for name, figure in figures.items()}, **content)
    for name, figure in figures.items():
        write_table(args.figure_dir / f"{name}.tsv", points[name])
        save(figure, args.figure_dir, name)
    for path, text in ((args.markdown, markdown), (args.html, html)):
        with atomic_text(path) as handle:
            handle.write(text)
    write_json(args.datasheet, sheet)
    log.info("Dataset card: %s", args.html)
