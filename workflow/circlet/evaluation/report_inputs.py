"""What the report page shows, read from the files of the steps before it."""

import base64
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from circlet.errors import InputError
from circlet.evaluation.figures import FIGURES, draw_learning, svg_of
from circlet.files import read_json, read_table, reading
from circlet.parts import with_parts
from circlet.tables import LABELS, PARTS, SPLIT_COLUMNS


def load_metrics(paths: Iterable[Path]) -> dict[tuple[str, str], dict[str, Any]]:
    """Read what the comparison does not hold, `bootstrap` and `confusion`, by name and scheme.

    Raises:
        InputError: A file is not one that `circlet evaluate` writes.
    """
    found = {}
    for path in paths:
        content = read_json(path)
        try:
            key = str(content["name"]), str(content["scheme"])
            bootstrap = {
                name: content["bootstrap"][name]
                for name in ("unit", "replicates", "confidence", "undefined_replicates")
            }
            confusion = {name: int(content["confusion"][name]) for name in ("tp", "fp", "tn", "fn")}
        except (KeyError, TypeError, ValueError) as error:
            mend = "make it again with 'circlet evaluate'"
            raise InputError(path, f"not a file of metrics ({error})", mend) from None
        found[key] = {"bootstrap": bootstrap, "confusion": confusion}
    return found


def load_figures(folders: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Read the SVGs of `FIGURES` as data URIs, by the name of their folder.

    Raises:
        InputError: A figure is missing, or two folders bear one name.
    """
    found: dict[str, dict[str, str]] = {}
    for folder in folders:
        name = folder.resolve().name
        if name in found:
            raise InputError(folder, "a second folder of this name", "give each run's folder once")
        found[name] = {}
        for figure in FIGURES:
            path = folder / f"{figure}.svg"
            with reading(path):
                found[name][figure] = data_uri(path.read_bytes())
    return found


def data_uri(svg: bytes) -> str:
    """An SVG as the address of an image, so that ids of two pictures on a page never clash."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode('ascii')}"


def load_training(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Read records of training by the name of their folder, each with its `curve` as a data URI.

    Raises:
        InputError: A file is not a record that `circlet train` writes.
    """
    found = {}
    for path in paths:
        record = read_json(path)
        try:
            epochs = list(record["epochs"])
            curve = svg_of(draw_learning(epochs, record.get("best_epoch"))) if epochs else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            mend = "make it again with 'circlet train'"
            raise InputError(path, f"not a record of training ({error})", mend) from None
        name = path.resolve().parent.name
        found[name] = {**record, "curve": data_uri(curve) if curve else None}
    return found


def dataset_rows(summary: pd.DataFrame) -> tuple[list[str], list[dict[str, Any]]]:
    """Turn the summary into one row a source, and one a label for the totals.

    Args:
        summary: Table with `SUMMARY_COLUMNS`, the steps of a source in the order they ran.

    Returns:
        The steps that remove transcripts, in order, and the rows.
    """
    totals = summary["source"] == "total"
    sources = summary[~totals]
    steps = list(dict.fromkeys(sources["step"][sources["removed"].notna()]))
    rows: list[dict[str, Any]] = [
        {
            "source": source,
            "label": label,
            "records": steps_of["remaining"].iloc[0],
            "removed": dict(zip(steps_of["step"], steps_of["removed"], strict=True)),
            "kept": steps_of["remaining"].iloc[-1],
            "reference": None,
        }
        for (source, label), steps_of in sources.groupby(["source", "label"], sort=False)
    ]
    for row in summary[totals].to_dict("records"):
        about = {"source": "total", "label": row["label"], "reference": row["reference"]}
        rows.append({**about, "records": None, "removed": {}, "kept": row["remaining"]})
    return steps, rows


def split_rows(split: pd.DataFrame) -> list[dict[str, Any]]:
    """Count transcripts, groups and, where `label` is known, classes of each part and in all."""
    parts = [(part, split[split["part"] == part]) for part in PARTS]
    rows = []
    for part, members in [*parts, ("all", split)]:
        row = {"part": part, "transcripts": len(members), "groups": members["group"].nunique()}
        if "label" in split:
            row |= {label: int((members["label"] == label).sum()) for label in LABELS}
        rows.append(row)
    return rows


def load_splits(paths: Iterable[Path], transcripts_path: Path | None) -> dict[str, list[dict]]:
    """Read the splits and count their parts, by the scheme that the file's stem names."""
    transcripts = None
    if transcripts_path is not None:
        transcripts = read_table(transcripts_path, ("id", "label"))[["id", "label"]]
    found = {}
    for path in paths:
        split = read_table(path, SPLIT_COLUMNS)
        if transcripts is not None:
            split = with_parts(transcripts, split, transcripts_path, path)
        found[path.stem] = split_rows(split)
    return found


def download_rows(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Read the records of what was fetched, in the order given.

    Raises:
        InputError: A file is not a record that `circlet download` writes.
    """
    rows = []
    for path in paths:
        record = read_json(path)
        try:
            row = {name: record[name] for name in ("url", "size", "sha256", "retrieved")}
            upstream = next(iter(record.get("requested_urls") or ()), row["url"])
            place = urlsplit(str(upstream))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            mend = "make it again with 'circlet download'"
            raise InputError(path, f"not a record of a download ({error})", mend) from None
        row |= {
            "file": PurePosixPath(place.path).name or path.stem,
            "upstream": upstream,
            # Anything but the web stays text: a link could do more than lead somewhere.
            "is_web": place.scheme in ("http", "https"),
        }
        rows.append(row)
    return rows
