"""What calls rest on: of single transcripts, such as a run's mistakes, and of many together."""

import argparse
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from circlet.arguments import seed
from circlet.composition import CODON, WORD, compose_any
from circlet.descriptors import BASES, DESCRIPTORS
from circlet.errors import InputError
from circlet.evaluation.explain.figures import Tracks, save_tracks
from circlet.evaluation.explain.inputs import Asked, draw_sample, from_dataset, from_fasta
from circlet.evaluation.explain.motif_figures import save_global
from circlet.evaluation.explain.motifs import Read, kmer_table, position_table
from circlet.evaluation.explain.mutagenesis import mutate
from circlet.evaluation.explain.sanity import correlate, judge
from circlet.files import write_table
from circlet.predict import DEVICES, STEPS, Attribution, Predictor, set_up
from circlet.progress import track
from circlet.tables import EXPLANATION_COLUMNS, HARD, PARTS, TEST

TABLES = ("predictions", "split", "transcripts", "mistakes")
STEM_LETTERS = 60  # of an id in a file's name
KMERS, END_KMERS = "k-mers", "k-mers at the ends"

log = logging.getLogger(__name__)


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


def words(length: int) -> list[str]:
    """All words of a length, in the order of their letters."""
    found = [""]
    for _ in range(length):
        found = [word + base for word in found for base in BASES]
    return found


def group_of(descriptor: str) -> str:
    """The kind of one of the 16 descriptors."""
    if descriptor.startswith(("first_", "last_")):
        return "end bases"
    return {"log_length": "length", "gc": "GC"}.get(descriptor, "stop-free stretches")


def descriptor_table(attribution: Attribution, features: np.ndarray) -> pd.DataFrame:
    """Tell what the inputs of the networks are worth: the k-mers in sum, each descriptor alone.

    Args:
        attribution: Of one transcript.
        features: `circlet.composition` of it, shape (356,).

    Returns:
        Columns `group`, `descriptor`, `value` (of the descriptor, missing for k-mers) and
        `attribution`; without groups that the networks do not see.
    """
    names = [*DESCRIPTORS, *words(WORD), *words(CODON)]
    groups = [group_of(name) for name in DESCRIPTORS]
    groups += ["4-mers"] * len(words(WORD)) + ["codons"] * len(words(CODON))
    sums = [attribution.kmers.sum(), attribution.ends.sum()]
    table = pd.DataFrame(
        {
            "group": [KMERS, END_KMERS, *groups],
            "descriptor": ["all", "all", *names],
            "value": [np.nan, np.nan, *features[: len(names)].tolist()],
            "attribution": [*sums, *attribution.descriptors],
        }
    )
    is_seen = table["attribution"].ne(0).groupby(table["group"]).transform("any")
    return table[is_seen | (table["group"] == KMERS)]


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
    sequence = row["sequence"]
    probability = float(predictor.predict_proba([sequence])[0])
    found = predictor.attribute(sequence, options.steps)
    rollout = predictor.roll_out(sequence)
    error = found.total - found.target
    row |= {"p_circrna": probability, "call": predictor.call(probability)}
    row |= {"attribution": found.total, "target": found.target, "error": error}
    bases = pd.DataFrame({"base": list(sequence), "attribution": found.bases})
    bases.insert(0, "position", range(len(sequence)))
    if rollout is not None:
        bases["rollout"] = rollout
    mutations = mutate(predictor, sequence, options.window)
    descriptors = descriptor_table(found, compose_any([sequence])[0])
    tables = {"bases": bases, "mutagenesis": mutations, "descriptors": descriptors}
    for name, table in tables.items():
        write_table(folder / f"{row['stem']}.{name}.tsv", table)
    shares = descriptors.groupby("group", sort=False)["attribution"].sum().to_dict()
    drawn = (sequence, found.bases, found.is_read, rollout, mutations, shares)
    save_tracks(Tracks(title_of(row), *drawn), folder, row["stem"])
    return row | {"bases": found.bases, "is_read": found.is_read}


def explain_single(
    predictor: Predictor, asked: pd.DataFrame, folder: Path, options: Options
) -> list[dict[str, Any]]:
    """Explain each of some transcripts; arguments and results as `explain_one`'s."""
    table = asked.astype(object).where(asked.notna(), None)
    rows = table.to_dict("records")
    for rank, row in enumerate(rows, start=1):
        row |= {"rank": rank, "stem": stem_of(rank, len(rows), row["id"])}
    named = track(rows, "explaining", total=len(rows))
    return [explain_one(predictor, row, folder, options) for row in named]


def read_sample(predictor: Predictor, sample: pd.DataFrame, steps: int) -> Iterator[Read]:
    """Attribute the calls of a sample; one without a label stands under its call."""
    calls = [predictor.call(p) for p in predictor.predict_proba(sample["sequence"].tolist())]
    rows = list(zip(sample["sequence"], sample["label"], calls, strict=True))
    for sequence, label, call in track(rows, "attributing the sample", total=len(rows)):
        found = predictor.attribute(sequence, steps)
        yield Read(sequence, call if pd.isna(label) else label, found.bases, found.is_read)


def check_sanity(
    predictor: Predictor, explained: list[dict[str, Any]], options: Options
) -> pd.DataFrame:
    """Compare attributions with those of the same networks with shuffled weights.

    Returns:
        Columns `rank`, `id`, `rho` and `rho_absolute`.
    """
    shuffled, found = predictor.shuffled(options.seed), []
    for row in track(explained, "attributing with shuffled weights", total=len(explained)):
        other = shuffled.attribute(row["sequence"], options.steps).bases
        alike = correlate(row["bases"][row["is_read"]], other[row["is_read"]])
        found.append({"rank": row["rank"], "id": row["id"], **alike})
    return pd.DataFrame(found, columns=["rank", "id", "rho", "rho_absolute"])


def explain(predictor: Predictor, asked: Asked, folder: Path, options: Options) -> None:
    """Write all tables and pictures to a folder; the index last."""
    explained = explain_single(predictor, asked.single, folder, options)
    sample = draw_sample(asked.all, options.sample, options.seed)
    reads = list(read_sample(predictor, sample, options.steps))
    kmers, positions = kmer_table(reads), position_table(reads)
    write_table(folder / "kmers.tsv", kmers)
    write_table(folder / "positions.tsv", positions)
    save_global(kmers, positions, f"What calls rest on: {len(reads):,} transcripts", folder)
    if explained:
        sanity = check_sanity(predictor, explained, options)
        write_table(folder / "sanity.tsv", sanity)
        judge(sanity)
    index = pd.DataFrame(explained, columns=list(EXPLANATION_COLUMNS))
    write_table(folder / "index.tsv", index)
    error = index["error"].abs().max() if len(index) else 0.0
    log.info(
        "explained %d transcripts, and %d together; what is attributed is off by %.2g at the most",
        len(index),
        len(reads),
        error,
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("fasta", nargs="?", type=Path, metavar="IN.fa[.gz]", help="sequences to explain")
    add("--model", required=True, help="checkpoint folder")
    add("--predictions", type=Path, help="instead of a FASTA file: predictions of the run")
    add("--split", type=Path, help="with --predictions: table of groups and parts")
    add("--transcripts", type=Path, help="with --predictions: the dataset, Parquet")
    add("--mistakes", type=Path, help="with --predictions: the surest mistakes of 'strata'")
    add("--part", choices=(*PARTS, HARD), default=TEST, help="the part to explain calls of")
    add("--most", type=int, default=20, help="most mistakes, or records of a FASTA file")
    add("--right", type=int, default=3, help="right calls of each class beside the mistakes")
    add("--sample", type=int, default=200, help="transcripts that tell of k-mers and places")
    add("--window", type=int, default=30, help="bases on each side of the junction to substitute")
    add("--steps", type=int, default=STEPS, help="points of the integrated gradients")
    add("--seed", type=seed, default=0, help="seed of the sample and of the shuffled weights")
    add("--device", choices=DEVICES, default="auto", help="where to compute")
    add("--threads", type=int, help="threads; torch's own choice by default")
    add("--output", type=Path, required=True, help="folder to write to")


def check_options(args: argparse.Namespace) -> None:
    """Check what the parser cannot.

    Raises:
        InputError: A number is too small, or what to explain is not clear.
    """
    least = {"most": 0, "right": 0, "sample": 1, "window": 1, "steps": 2}
    for name, low in least.items():
        if getattr(args, name) < low:
            mend = f"give a whole number from {low} on"
            raise InputError("arguments", f"is {getattr(args, name)}", mend, f"--{name}")
    given = [getattr(args, name) is not None for name in TABLES]
    if any(given) if args.fasta else not all(given):
        mend = "give IN.fa, or --predictions, --split, --transcripts and --mistakes"
        raise InputError("arguments", "what to explain is not clear", mend)


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    check_options(args)
    set_up(args.threads)
    predictor = Predictor.from_pretrained(args.model, args.device)
    if args.fasta is not None:
        asked = from_fasta(args.fasta, predictor, args.most)
    else:
        files = {name: getattr(args, name) for name in TABLES}
        asked = from_dataset(files, args.part, predictor, args.most, args.right)
    options = Options(args.sample, args.window, args.steps, args.seed)
    explain(predictor, asked, args.output, options)
