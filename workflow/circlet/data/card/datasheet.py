"""The datasheet: what a dataset is, in numbers taken from its tables alone.

It is what machines read of the card, and all that the card's words and tables are made of.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from circlet import __version__
from circlet.citations import CITATIONS
from circlet.data.card.inputs import (
    CONFOUND_NUMBERS,
    CONFOUND_WORDS,
    LEAKAGE_NUMBERS,
    LEAKAGE_WORDS,
    Inputs,
    Sheet,
    as_records,
    read_download,
    read_numbers,
    read_settings,
    read_summary,
)
from circlet.errors import InputError
from circlet.files import read_table, sha256_of
from circlet.parts import with_parts
from circlet.tables import (
    ALL_PARTS,
    DATASET_COLUMNS,
    FLAGS,
    LABELS,
    LINEAR_EXONS,
    NEGATIVE,
    POSITIVE,
    SPLIT_COLUMNS,
    SUBSET_COLUMNS,
    is_hard_negative,
)

HARD_NEGATIVES = "hard_negatives"
CLASSES = (POSITIVE, NEGATIVE, HARD_NEGATIVES)

QUANTILES = {
    "min": 0.0,
    "q05": 0.05,
    "q25": 0.25,
    "median": 0.5,
    "q75": 0.75,
    "q95": 0.95,
    "max": 1.0,
}
MEASURES = ("length", "gc", "exon_number")

LOCAL_FILES = ("file", "genome", "annotation", "fasta", "bed", "gtf")
DEMO = "workflow/demo"  # holds the files of the demo

MADE_AGAIN = "make both from one dataset"


def make_datasheet(name: str, inputs: Inputs) -> tuple[Sheet, pd.DataFrame]:
    """Read the tables and describe the dataset.

    Returns:
        The datasheet, of what JSON knows alone, and the measures of each transcript; see `measure`.

    Raises:
        InputError: A table cannot be read, lacks a column or is of another dataset.
    """
    table = read_table(inputs.transcripts, DATASET_COLUMNS)
    if not len(table):
        raise InputError(inputs.transcripts, "the table has no rows", "make it again")
    summary = read_summary(inputs.summary)
    measured = measure(table)
    _check_totals(summary, measured["class"], inputs)
    settings = read_settings(inputs.settings)
    sources = describe_sources(summary, settings["sources"], inputs.downloads)
    sheet = {
        "name": name,
        "circlet": __version__,
        "transcripts": {
            "file": inputs.transcripts.name,
            "sha256": sha256_of(inputs.transcripts),
            "transcripts": len(table),
            "nucleotides": int(measured["length"].sum()),
            "merged": int(table["aliases"].notna().sum()),
            "soft_masked_known": int(table["soft_masked"].notna().sum()),
        },
        "sources": sources,
        "steps": as_records(summary),
        "counts": count_by(measured, "source", "class"),
        "biotypes": count_by(measured.assign(biotype=table["biotype"]), "class", "biotype"),
        "classes": describe_classes(measured),
        "flags": describe_flags(summary, table),
        "splits": [describe_split(path, measured, inputs.transcripts) for path in inputs.splits],
        "leakage": read_numbers(inputs.leakage, LEAKAGE_WORDS, LEAKAGE_NUMBERS),
        "confounds": read_numbers(inputs.confounds, CONFOUND_WORDS, CONFOUND_NUMBERS),
        "subsets": describe_subsets(inputs.subsets, measured),
        "settings": {key: settings[key] for key in ("dataset", "split")},
        "citations": cited(sources, settings["sources"]),
    }
    return sheet, measured


def measure(table: pd.DataFrame) -> pd.DataFrame:
    """Measure each transcript.

    Args:
        table: Transcripts with `DATASET_COLUMNS`.

    Returns:
        `id`, `source`, `label`, `class` (of `CLASSES`), `length` in nt, `gc` as a fraction,
        `exon_number` (NaN where not known), and whether gene and place are known; row by row.
    """
    sequences = table["sequence"].tolist()
    length = np.array([len(sequence) for sequence in sequences])
    is_gc = np.array([sequence.count("G") + sequence.count("C") for sequence in sequences])
    place = table[["chrom", "start", "end", "strand"]]
    return table[["id", "source", "label"]].assign(
        **{
            "class": table["label"].astype("object").mask(is_hard_negative(table), HARD_NEGATIVES),
            "length": length,
            "gc": is_gc / length,
            "exon_number": pd.to_numeric(table["exon_count"]).astype("float64"),
            "has_gene": table[["gene", "gene_id"]].notna().any(axis=1),
            "has_place": place.notna().all(axis=1),
        }
    )


def describe_classes(measured: pd.DataFrame) -> Sheet:
    """Count and describe each class that occurs: quantiles, and how many tell no gene or place."""
    found = {}
    for name in CLASSES:
        rows = measured[measured["class"] == name]
        if len(rows):
            found[name] = {
                "transcripts": len(rows),
                "nucleotides": int(rows["length"].sum()),
                **{column: quantiles(rows[column]) for column in MEASURES},
                "without_gene": int((~rows["has_gene"]).sum()),
                "without_place": int((~rows["has_place"]).sum()),
            }
    return found


def quantiles(values: pd.Series) -> Sheet:
    """How many values are known, and their `QUANTILES` (linear between two values)."""
    known = values.dropna().to_numpy(float)
    if not len(known):
        return {"known": 0, **dict.fromkeys(QUANTILES)}
    found = np.quantile(known, list(QUANTILES.values())).round(6).tolist()
    return {"known": len(known), **dict(zip(QUANTILES, found, strict=True))}


def describe_flags(summary: pd.DataFrame, table: pd.DataFrame) -> list[Sheet]:
    """Count what each doubt about labels flagged, what it cost, and how many bear the flag."""
    found = []
    for flag in FLAGS:
        steps = summary[(summary["step"] == flag) & (summary["source"] != "total")]
        counts = {name: int(steps[name].sum()) for name in ("flagged", "removed")}
        found.append({"flag": flag, **counts, "in_dataset": int(table[flag].sum())})
    return found


def describe_sources(
    summary: pd.DataFrame, settings: Mapping[str, Mapping[str, Any]], downloads: Iterable[Path]
) -> list[Sheet]:
    """Tell of each source what the config says of it, what came, and what is kept.

    Args:
        summary: Table with `SUMMARY_COLUMNS`.
        settings: The config's sources by name; one may be absent.
        downloads: Records named SOURCE.FILE.json.

    Raises:
        InputError: A record is none, or of no source.
    """
    of_sources = summary[summary["source"] != "total"]
    found: dict[str, Sheet] = {}
    for key, steps in of_sources.groupby(["source", "label"], sort=False):
        name, label = map(str, key)
        said = settings.get(name, {})
        own = any(said.get(file) for file in LOCAL_FILES)
        found[name] = {
            "name": name,
            "label": label,
            **{word: said.get(word) for word in ("type", "assembly")},
            # A release that is not read is no origin.
            "release": None if own else said.get("release"),
            "urls": [] if own else said.get("urls") or [],
            # The names alone: a path would tell of the machine.
            "files": [PurePath(str(said[file])).name for file in LOCAL_FILES if said.get(file)],
            "records": int(steps["remaining"].iloc[0]),
            "kept": int(steps["remaining"].iloc[-1]),
            "downloads": [],
        }
    for path in downloads:
        owners = [name for name in found if path.name.startswith(f"{name}.")]
        if not owners:
            raise InputError(path, "is of no source of the summary", MADE_AGAIN)
        found[max(owners, key=len)]["downloads"].append(read_download(path))
    return list(found.values())


def describe_split(path: Path, measured: pd.DataFrame, transcripts_path: Path) -> Sheet:
    """Count the parts, groups and folds of a split, whose scheme is the file's stem.

    Raises:
        InputError: The table is unusable or of another dataset.
    """
    split = read_table(path, (*SPLIT_COLUMNS, "fallback"))
    rows = with_parts(measured[["id", "class"]], split, transcripts_path, path)
    classes = rows["class"].unique()
    return {
        "scheme": path.stem,
        "file": path.name,
        "sha256": sha256_of(path),
        "groups": rows["group"].nunique(),
        "largest_group": int(rows["group"].value_counts().max()),
        "fallback": int(split["fallback"].sum()),
        "folds": split["fold"].nunique() if "fold" in split else 0,
        "parts": [
            {
                "part": part,
                "transcripts": len(members),
                **{
                    name: int((members["class"] == name).sum())
                    for name in CLASSES
                    if name in classes
                },
                "groups": members["group"].nunique(),
            }
            for part in ALL_PARTS
            if len(members := rows[rows["part"] == part])
        ],
    }


def describe_subsets(path: Path, measured: pd.DataFrame) -> list[Sheet]:
    """Count the classes of each subset of each scheme.

    Raises:
        InputError: The table is unusable, or an id is not of the dataset.
    """
    subsets = read_table(path, SUBSET_COLUMNS)
    unknown = subsets["id"][~subsets["id"].isin(measured["id"])]
    if len(unknown):
        raise InputError(path, "is not in the dataset", MADE_AGAIN, unknown.iloc[0])
    rows = subsets.merge(measured[["id", "label"]], on="id")
    return [
        {
            "scheme": scheme,
            "subset": subset,
            **{label: int((members["label"] == label).sum()) for label in reversed(LABELS)},
        }
        for (scheme, subset), members in rows.groupby(["scheme", "subset"], sort=False)
    ]


def count_by(table: pd.DataFrame, *columns: str) -> list[Sheet]:
    """Count the transcripts of each combination of values, in the order they are met."""
    counts = table.groupby(list(columns), sort=False).size()
    return as_records(counts.rename("transcripts").reset_index())


def cited(sources: Sequence[Sheet], settings: Mapping[str, Mapping[str, Any]]) -> list[Sheet]:
    """The works to cite for these sources; all known ones where no type is told."""
    types = {source["type"] for source in sources}
    used = {"workflow", "mmseqs2", *types}
    for source in sources:
        file = settings.get(source["name"], {}).get("file")
        if file and PurePath(str(file)).parent.as_posix().endswith(DEMO):
            used.add("demo")
        if source["type"] == LINEAR_EXONS and source["urls"] and not source["files"]:
            used.add("gencode")
    return [
        {**asdict(work), "url": work.url}
        for key, work in CITATIONS.items()
        if key in used or types == {None}
    ]


def _check_totals(summary: pd.DataFrame, classes: pd.Series, inputs: Inputs) -> None:
    """Refuse a summary of another dataset.

    Raises:
        InputError: A total is not that of the transcripts.
    """
    totals = summary[summary["source"] == "total"]
    columns = (totals[name] for name in ("step", "label", "remaining"))
    for step, label, remaining in zip(*columns, strict=True):
        name = HARD_NEGATIVES if step == HARD_NEGATIVES else label
        if remaining != (found := int((classes == name).sum())):
            raise InputError(
                inputs.summary,
                f"counts {remaining} {name}, {inputs.transcripts} has {found}",
                MADE_AGAIN,
            )
