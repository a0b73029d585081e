"""What the pages share: their look, how numbers are written, and rows that more than one shows."""

import base64
import hashlib
import math
from collections.abc import Iterable
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from circlet.errors import InputError
from circlet.files import read_json
from circlet.words import DASH

SMALL_SAMPLE = 200  # transcripts of a part; below it the pages warn
FEW_GROUPS = 20  # of a part; likewise, see benchmarks/README.md for what intervals from fewer hold

# What the filters of the dataset took, by the `step` of its summary.
STEP_WORDS = {
    "biotype": "other biotype",
    "non_acgt": "not ACGT",
    "too_short": "too short",
    "duplicate": "duplicate",
    "same_place": "same place and exons",
    "overlaps_circrna": "overlaps a circRNA",
    "both_labels": "both labels",
    "coding_gene": "of a coding gene",
}


def count(value: Any) -> str:
    """A whole number with thousands set apart; other things as text, missing ones as a dash."""
    if value is None or value is pd.NA or value != value:
        return DASH
    if isinstance(value, str | bool):
        return str(value)
    return f"{value:,.0f}"


def number(value: float | None) -> str:
    """A score to three decimals; a dash where it is missing."""
    return DASH if value is None or math.isnan(value) else f"{value:.3f}"


def data_uri(picture: bytes, kind: str = "svg") -> str:
    """A picture as its own address, so that ids of two SVGs on a page never clash.

    Args:
        picture: The file's content.
        kind: svg, png or webp.
    """
    content = base64.b64encode(picture).decode("ascii")
    return f"data:image/{'svg+xml' if kind == 'svg' else kind};base64,{content}"


def page_script() -> str:
    """The script of all pages, which stands in the page itself."""
    return resources.files("circlet").joinpath("templates/page.js").read_text(encoding="utf-8")


def script_source(script: str) -> str:
    """What a Content Security Policy calls a script that stands in the page: its hash.

    Source: https://www.w3.org/TR/CSP3/#match-element-to-source-list.
    """
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def environment(package: str) -> Environment:
    """Templates that all pages share, and those of a package.

    Names and paths are a user's: everything is escaped, and no script runs but that of the pages.

    Args:
        package: Package with a folder `templates` of its own.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader("circlet"), PackageLoader(package)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"count": count, "number": number}
    script = page_script()
    made.globals |= {"script": script, "script_source": script_source(script)}
    return made


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
        label = "hard negatives" if row["step"] == "hard_negatives" else row["label"]
        about = {"source": "total", "label": label, "reference": row["reference"]}
        rows.append({**about, "records": None, "removed": {}, "kept": row["remaining"]})
    return steps, rows


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
            "is_mirrored": bool(record.get("mirror")),
        }
        rows.append(row)
    return rows
