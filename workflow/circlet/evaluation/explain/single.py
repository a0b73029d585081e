"""What the call of one transcript rests on: its tables and pictures, and how far to trust them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from circlet.composition import compose_any
from circlet.evaluation.explain.figures import Tracks, save_tracks
from circlet.evaluation.explain.mutagenesis import mutate
from circlet.evaluation.explain.sanity import SANITY_COLUMNS, correlate
from circlet.evaluation.explain.shares import descriptor_table
from circlet.files import write_table
from circlet.predict import STEPS, Predictor
from circlet.progress import track
from circlet.tables import records_of

STEM_LETTERS = 60  # of an id in a file's name


class Options(NamedTuple):
    """How calls are explained.

    Attributes:
        sample: Transcripts of the tables over many.
        window: Bases on each side of the junction that are substituted.
        steps: Points of the integrated gradients.
        seed: Of the sample and of the shuffled weights.
    """

    sample: int
    window: int
    steps: int
    seed: int


def stem_of(rank: int, count: int, identifier: str) -> str:
    """A name for the files of a transcript: of its rank among `count` and its id, and safe."""
    safe = re.sub(r"[^A-Za-z0-9.-]+", "_", identifier).strip("_")[:STEM_LETTERS]
    return f"{rank:0{len(str(count))}d}_{safe}"


def title_of(row: dict[str, Any]) -> str:
    """Tell in two lines what is explained: the call, and how much of it the networks make."""
    known = f"{row['label']}, " if row["label"] else ""
    identifier = row["id"] if len(row["id"]) <= STEM_LETTERS else f"{row['id'][:STEM_LETTERS]}…"
    sizes = [
        f"{row[name]:.2f}".replace("-", "\N{MINUS SIGN}") for name in ("target", "attribution")
    ]
    return (
        f"{identifier}: {known}called {row['call']} (p_circrna {row['p_circrna']:.3f})\n"
        f"log-odds of the networks above the baseline: {sizes[0]}, attributed {sizes[1]}"
    )


class Explained(NamedTuple):
    """What the call of one transcript rests on.

    Attributes:
        row: The transcript with `p_circrna`, `call`, `attribution`, `target` and `error`.
        tables: By their names: `bases`, `mutagenesis` and `descriptors`.
        tracks: What is drawn.
    """

    row: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    tracks: Tracks


def look_into(
    predictor: Predictor,
    row: dict[str, Any],
    window: int,
    steps: int = STEPS,
    threshold: float | None = None,
) -> Explained:
    """Find what the call of one transcript rests on.

    Args:
        predictor: The model.
        row: With `id`, `label` and `sequence`.
        window: Bases on each side of the junction that are substituted.
        steps: Points of the integrated gradients.
        threshold: Of the call; the model's own by default.
    """
    sequence = row["sequence"]
    probability = float(predictor.predict_proba([sequence])[0])
    found = predictor.attribute(sequence, steps)
    rollout = predictor.roll_out(sequence)
    row = row | {
        "p_circrna": probability,
        "call": predictor.call(probability, threshold),
        "attribution": found.total,
        "target": found.target,
        "error": found.total - found.target,
    }
    bases = pd.DataFrame({"base": list(sequence), "attribution": found.bases})
    bases.insert(0, "position", range(len(sequence)))
    if rollout is not None:
        bases["rollout"] = rollout
    mutations = mutate(predictor, sequence, window)
    descriptors = descriptor_table(found, compose_any([sequence])[0])
    sums = descriptors.groupby("group", sort=False)["attribution"].sum()
    shares = {str(group): float(worth) for group, worth in sums.items()}
    tracks = Tracks(title_of(row), sequence, found.bases, found.is_read, rollout, mutations, shares)
    tables = {"bases": bases, "mutagenesis": mutations, "descriptors": descriptors}
    return Explained(row, tables, tracks)


def explain_one(
    predictor: Predictor, row: dict[str, Any], folder: Path, options: Options
) -> dict[str, Any]:
    """Explain the call of one transcript, and write its tables and pictures.

    Args:
        predictor: The model.
        row: With `id`, `label`, `sequence` and `stem`.
        folder: Where to write.
        options: See there.

    Returns:
        The row with all of `EXPLANATION_COLUMNS`, and `bases` and `is_read` for what follows.
    """
    row, tables, tracks = look_into(predictor, row, options.window, options.steps)
    for name, table in tables.items():
        write_table(folder / f"{row['stem']}.{name}.tsv", table)
    save_tracks(tracks, folder, row["stem"])
    return row | {"bases": tracks.bases, "is_read": tracks.is_read}


def name_rows(asked: pd.DataFrame) -> list[dict[str, Any]]:
    """Give transcripts as rows with `rank` and `stem`, which depend on how many there are."""
    rows = records_of(asked.astype(object).where(asked.notna(), None))
    for rank, row in enumerate(rows, start=1):
        row |= {"rank": rank, "stem": stem_of(rank, len(rows), row["id"])}
    return rows


def check_sanity(
    predictor: Predictor, explained: Sequence[dict[str, Any]], options: Options
) -> pd.DataFrame:
    """Compare attributions with those of the same networks with shuffled weights.

    Args:
        predictor: The model.
        explained: Of `explain_one`.
        options: See there.

    Returns:
        A table with `SANITY_COLUMNS`.
    """
    shuffled, found = predictor.shuffled(options.seed), []
    for row in track(explained, "attributing with shuffled weights", total=len(explained)):
        other = shuffled.attribute(row["sequence"], options.steps).bases
        alike = correlate(row["bases"][row["is_read"]], other[row["is_read"]])
        found.append({"rank": row["rank"], "id": row["id"], **alike})
    return pd.DataFrame(found, columns=list(SANITY_COLUMNS))
