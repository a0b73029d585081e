"""What the sections of the report hold, worked out from the tables."""

import itertools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from circlet.evaluation.comparison import is_of_part
from circlet.evaluation.model_card.inputs import Facts
from circlet.evaluation.model_card.trust import (
    tell_coding,
    tell_hard,
    tell_low_stop_free,
    tell_matched,
)
from circlet.evaluation.report.inputs import ABOUT, Scored
from circlet.evaluation.report.pictures import find_calls
from circlet.evaluation.verdict import CONFIDENCE, Row, best_baseline, paired_difference
from circlet.files import sha256_of
from circlet.pages import number
from circlet.tables import HARD, LOW_STOP_FREE, MATCHED
from circlet.words import name_test_set

Tables = Mapping[str, Sequence[Row]]

# The key numbers of a run: test set (None is the part itself), metric, and what it is.
KEY_NUMBERS = (
    (None, "auroc", "AUROC on the {part} part"),
    (None, "mcc", "MCC of its calls"),
    (None, "specificity_at_95_sensitivity", "specificity where 95 % of circRNAs are found"),
    (MATCHED, "auroc", "AUROC where length and stop-free stretch are matched"),
    (LOW_STOP_FREE, "auroc", "AUROC below 0.5 stop-free"),
    (HARD, "auroc", "AUROC against linear coding exons"),
)


def confidence_of(metrics: Mapping[Scored, Mapping[str, Any]], row: Row) -> float:
    """Confidence of the intervals of a row of the comparison, the usual one where it is unknown."""
    entry = metrics.get((row["name"], row["scheme"], row["test_set"]))
    return CONFIDENCE if entry is None else float(entry["bootstrap"]["confidence"])


def bootstraps_of(metrics: Mapping[Scored, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The ways in which the intervals were made, each once: one, unless files are mixed."""
    names = ("unit", "replicates", "confidence")
    found = {tuple(entry["bootstrap"][name] for name in names) for entry in metrics.values()}
    return [dict(zip(names, values, strict=True)) for values in sorted(found)]


def rows_of(row: Row, table: Sequence[Row]) -> list[Row]:
    """The rows of a table that are about what a row of the comparison is about."""
    return [other for other in table if all(other[key] == row[key] for key in ABOUT)]


def by_rival(differences: Sequence[Row]) -> dict[tuple[str, str], dict[str, Row]]:
    """Lay out paired differences: test set and rival, then the metric."""
    found: dict[tuple[str, str], dict[str, Row]] = {}
    for difference in differences:
        place = difference["test_set"], difference["rival"]
        found.setdefault(place, {})[difference["metric"]] = difference
    return found


def key_numbers(row: Row, rows: Iterable[Row]) -> list[tuple[str, str | None, str]]:
    """The numbers to see first of a run: value, interval (None without) and what it is.

    Args:
        row: Of the run on the whole part.
        rows: The comparison.
    """
    own = {
        other["test_set"]: other
        for other in rows
        if all(other[key] == row[key] for key in ("name", "kind", "scheme"))
    }
    found = []
    for test_set, metric, words in KEY_NUMBERS:
        scored = own.get(test_set or row["test_set"])
        if scored is None or math.isnan(scored[metric]):
            continue
        low, high = (number(scored[f"{metric}_{end}"]) for end in ("low", "high"))
        has_interval = not math.isnan(scored[f"{metric}_low"])
        interval = f"[{low}, {high}]" if has_interval else None
        found.append((number(scored[metric]), interval, words.format(part=row["part"])))
    return found


def tell_confound(
    row: Row, rows: Sequence[Row], metrics: Mapping[Scored, Mapping[str, Any]], tables: Tables
) -> list[str]:
    """Say what of a run's score is coding sequence alone, as its model card does."""
    scored = metrics.get((row["name"], row["scheme"], row["test_set"]), {})
    facts = Facts(
        name=row["name"],
        row=row,
        rows=rows,
        scored=scored,
        differences=rows_of(row, tables["differences"]),
        sheet={"confounds": tables["confounds"]},
        # What these sentences do not ask for.
        config={},
        vocabulary={},
        training=[],
        strata=[],
        parts={},
        seconds=None,
    )
    told = (tell_coding, tell_matched, tell_low_stop_free, tell_hard)
    return [said for said in (tell(facts) for tell in told) if said]


def test_sets_of(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Divide the comparison by test set, in its order; the whole part comes first.

    Returns:
        Of each: `id`, `name` in words, `is_part`, `is_hard` and its `rows`.
    """
    found: list[dict[str, Any]] = []
    for (test_set, part), members in itertools.groupby(
        rows, key=lambda row: (row["test_set"], row["part"])
    ):
        scored = list(members)
        found.append(
            {
                "id": f"comparison-{len(found) + 1}",
                "name": name_test_set(test_set, part),
                "is_part": is_of_part(scored[0]),
                "is_hard": part == HARD,
                "rows": scored,
            }
        )
    return found


def overview_of(
    rows: Sequence[Row], differences: Sequence[Row], confidence: float
) -> list[dict[str, Any]]:
    """Set each run beside the best baseline of its split on every test set.

    Returns:
        Of each run and test set: `run` and `rival` (rows of the comparison; the latter None
        without a baseline), `name` of the test set, `difference` (paired, in AUROC, or None) and
        `is_decided`, whether chance is an unlikely cause of it.
    """
    found = []
    for row in rows:
        if row["kind"] != "run":
            continue
        rival = best_baseline(rows, row)
        difference = None if rival is None else paired_difference(differences, row, rival)
        p_holm = math.nan if difference is None else difference["p_holm"]
        found.append(
            {
                "run": row,
                "rival": rival,
                "name": name_test_set(row["test_set"], row["part"]),
                "difference": difference,
                "is_decided": p_holm < 1 - confidence,
            }
        )
    return found


def sections_of(
    rows: Sequence[Row],
    metrics: Mapping[Scored, Mapping[str, Any]],
    figures: Mapping[str, Mapping[str, str]],
    training: Mapping[str, Sequence[Row]],
    explanations: Mapping[str, Mapping[str, Any]],
    tables: Tables,
) -> list[dict[str, Any]]:
    """Collect what is shown of each run, and of each baseline that has figures."""
    found = []
    for row in rows:
        if not is_of_part(row) or (row["kind"] != "run" and row["name"] not in figures):
            continue
        mistakes = rows_of(row, tables["mistakes"])
        explanation = explanations.get(row["name"])
        found.append(
            {
                "row": row,
                "metrics": metrics.get((row["name"], row["scheme"], row["test_set"])),
                "confidence": confidence_of(metrics, row),
                "differences": by_rival(rows_of(row, tables["differences"])),
                "seeds": rows_of(row, tables["seeds"]),
                "strata": rows_of(row, tables["strata"]),
                "mistakes": mistakes,
                "explanation": explanation,
                "calls": find_calls(explanation["calls"], mistakes) if explanation else [],
                "figures": figures.get(row["name"], {}),
                "training": training.get(row["name"], []) if row["kind"] == "run" else [],
            }
        )
    return found


def checksums(paths: Iterable[Path], folder: Path) -> list[dict[str, str]]:
    """Tell the SHA-256 of files, by their paths from a folder, in the order given."""
    return [{"path": source_of(path, folder), "sha256": sha256_of(path)} for path in paths]


def source_of(path: Path, folder: Path) -> str:
    """Path of a file as one finds it from the page's folder."""
    return Path(os.path.relpath(path, folder)).as_posix()
