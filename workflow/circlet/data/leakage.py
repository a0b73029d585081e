"""Audit splits: how many test sequences have a relative in training, and what that is worth.

A test sequence has a relative if a training sequence, of either label, bears

- `same_gene`: its gene, by symbol or accession;
- `overlapping_locus`: a span that shares a base with its own on the same strand;
- `shared_splice_site`: an exon that begins, or ends, where one of its own does. All ends of a
  circRNA's exons are splice sites, its back-splice junction included; of a linear transcript only
  the inner ones are;
- `shared_31mer`: any of its 31-mers, on the sense strand;
- `identity_80`: at least half of it in one alignment of at least 80 % identity, on the sense
  strand, as MMseqs2 finds it (Steinegger and Soeding, Nature Biotechnology 35:1026, 2017); asked
  of at most 5,000 test sequences, drawn at random.

A sequence whose gene or place is not known has no relative by it. What the relatives are worth is
told by a memoriser that looks 31-mers up; see `shared_kmers`. Hard negatives are left out.
"""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import matthews_corrcoef, roc_auc_score

from circlet.arguments import seed
from circlet.data.intervals import overlaps_any
from circlet.data.relatives import (
    bear_trained,
    draw_searched,
    find_similar,
    gene_marks,
    splice_sites,
)
from circlet.drawing import COLOURS, save, style
from circlet.errors import InputError
from circlet.files import read_table, write_table
from circlet.parts import with_parts
from circlet.shared_kmers import look_up
from circlet.tables import (
    DATASET_COLUMNS,
    LABELS,
    LEAKAGE_COLUMNS,
    PARTS,
    POSITIVE,
    RELATIONS,
    RELATIVE_COLUMNS,
    SCHEMES,
    SPLIT_COLUMNS,
    TEST,
    TRAIN,
)

# How the figure names the relations.
RELATION_WORDS = (
    "same\ngene",
    "overlapping\nlocus",
    "shared\nsplice site",
    "shared\n31-mer",
    "80 %\nidentity",
)
ALL = "all"  # stands for both labels

# The same for a scheme in every run, of Okabe and Ito's palette as all colours of the figures, but
# not those of labels.
PALETTE = dict(zip(SCHEMES, ("#CC79A7", "#000000", "#E69F00", "#009E73", "#56B4E9"), strict=True))

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Split:
    """A split of the dataset, row by row.

    Attributes:
        scheme: Its name.
        group: The group of each transcript.
        is_train: Whether it is in the training part, bool (n,).
        is_test: Whether it is in the test part, bool (n,).
        fell_back: Whether it is in any of `PARTS` and its group came of the homology, bool (n,).
    """

    scheme: str
    group: pd.Series
    is_train: np.ndarray
    is_test: np.ndarray
    fell_back: np.ndarray


def read_split(path: str | Path, ids: pd.DataFrame, table_path: str | Path) -> Split:
    """Read a split table; its name is the scheme.

    Args:
        path: Table with `SPLIT_COLUMNS`, and perhaps `fallback`.
        ids: The dataset's column `id`, as a table.
        table_path: File of the dataset, for messages.

    Raises:
        InputError: It has other ids, or lacks the training or the test part.
    """
    table = read_table(path, SPLIT_COLUMNS)
    rows = with_parts(ids, table, table_path, path)
    for part in (TRAIN, TEST):
        if not (rows["part"] == part).any():
            raise InputError(path, f"the part {part} is empty", "make the split again")
    fallback = np.zeros(len(rows), dtype=bool)
    if "fallback" in table.columns:
        fallback = table.set_index("id")["fallback"].loc[rows["id"]].to_numpy(bool)
    return Split(
        scheme=Path(path).stem,
        group=rows["group"],
        is_train=(rows["part"] == TRAIN).to_numpy(bool),
        is_test=(rows["part"] == TEST).to_numpy(bool),
        fell_back=fallback & rows["part"].isin(PARTS).to_numpy(bool),
    )


def audit(
    table: pd.DataFrame, splits: Sequence[Split], threads: int, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Audit splits of a dataset.

    Args:
        table: Transcripts with `DATASET_COLUMNS`.
        splits: The splits, of the same rows.
        threads: Threads of MMseqs2.
        seed: Seed of the draw of test sequences that it searches for.

    Returns:
        A table with `LEAKAGE_COLUMNS`, a row for each split and for `ALL` and each label: the
        groups with test sequences of the label, its transcripts that fell back, in training and in
        the test part, and the share of the latter with a relative, missing where there are none.
        The memoriser's scores stand in the rows of `ALL`; they are missing where the test part
        lacks a label. And a table with `RELATIVE_COLUMNS`, a row for each split and test sequence.

    Raises:
        InputError: MMseqs2 is missing or fails.
    """
    sequences = table["sequence"].tolist()
    is_circrna = (table["label"] == POSITIVE).to_numpy(bool)
    trained, tested = (
        np.array([getattr(split, name) for split in splits]) for name in ("is_train", "is_test")
    )
    shared, scores = look_up(sequences, is_circrna, trained, tested)
    genes, sites = gene_marks(table), splice_sites(table)
    rows, relatives = [], []
    for number, split in enumerate(splits):
        log.info("%s: searching for similar sequences", split.scheme)
        overlaps = np.zeros(len(table), dtype=bool)
        overlaps[split.is_test] = overlaps_any(table[split.is_test], table[split.is_train])
        relations = {
            "same_gene": bear_trained(*genes, split.is_train),
            "overlapping_locus": overlaps,
            "shared_splice_site": bear_trained(*sites, split.is_train),
            "shared_31mer": shared[number],
        }
        searched = draw_searched(split.is_test, seed)
        similar = find_similar(sequences, split.is_train, searched, threads)
        relations["identity_80"] = np.where(searched, similar, np.nan)
        found = summarise(split, table["label"], relations)
        found[0] |= score_memoriser(is_circrna, split, scores[number])
        rows += found
        relatives.append(relatives_of(split, table["id"], relations))
    return pd.DataFrame(rows, columns=list(LEAKAGE_COLUMNS)), pd.concat(relatives)


def relatives_of(split: Split, ids: pd.Series, relations: dict[str, np.ndarray]) -> pd.DataFrame:
    """Tell of each test sequence what relatives it has; `relations` as in `summarise`."""
    columns = {
        name: pd.array(found[split.is_test], dtype="Float64").astype("boolean")
        for name, found in relations.items()
    }
    told = pd.DataFrame({"scheme": split.scheme, "id": ids[split.is_test].to_numpy(), **columns})
    return told[list(RELATIVE_COLUMNS)]


def summarise(
    split: Split, labels: pd.Series, relations: dict[str, np.ndarray]
) -> list[dict[str, str | float]]:
    """Count and average a split over `ALL` and each label, circRNA before lncRNA.

    Args:
        split: The split.
        labels: The label of each transcript.
        relations: Whether each transcript has a relative in training, by relation, (n,), NaN where
            it was not searched for.
    """
    rows = []
    for label in (ALL, *reversed(LABELS)):
        chosen = np.ones(len(labels), dtype=bool) if label == ALL else (labels == label).to_numpy()
        test = chosen & split.is_test
        shares = {
            name: pd.Series(has_relative[test], dtype="float").mean()  # of those that are known
            for name, has_relative in relations.items()
        }
        counts = {
            "groups": split.group[test].nunique(),
            "fallback": (split.fell_back & chosen).sum(),
            "n_train": (split.is_train & chosen).sum(),
            "n_test": test.sum(),
        }
        rows.append({"scheme": split.scheme, "label": label, **counts, **shares})
    return rows


def score_memoriser(is_circrna: np.ndarray, split: Split, scores: np.ndarray) -> dict[str, float]:
    """Score the memoriser on the test part.

    A score above 0 is called circRNA, one below lncRNA, and 0 the label with more training
    sequences, lncRNA where they are equal.

    Returns:
        `memoriser_auroc` and `memoriser_mcc`, NaN where the test part lacks a label.
    """
    truth, score = is_circrna[split.is_test], scores[split.is_test]
    if truth.all() or not truth.any():
        return {"memoriser_auroc": np.nan, "memoriser_mcc": np.nan}
    by_default = is_circrna[split.is_train].mean() > 0.5
    called = (score > 0) | ((score == 0) & by_default)
    return {
        "memoriser_auroc": float(roc_auc_score(truth, score)),
        "memoriser_mcc": float(matthews_corrcoef(truth, called)),
    }


def draw(leakage: pd.DataFrame) -> Figure:
    """Draw the shares of both labels by relation and scheme, and the memoriser's AUROC."""
    rows = leakage[leakage["label"] == ALL]
    schemes = rows["scheme"].tolist()
    colours = [PALETTE.get(scheme, COLOURS["reference"]) for scheme in schemes]
    figure = Figure(figsize=(8.8, 3.6))
    shares, memoriser = figure.subplots(1, 2, width_ratios=(3, 1))
    _draw_shares(shares, rows[list(RELATIONS)].to_numpy(), schemes, colours)
    aurocs = rows["memoriser_auroc"].to_numpy()
    memoriser.scatter(range(len(schemes)), aurocs, c=colours, s=42, zorder=2)
    for place in np.flatnonzero(~np.isnan(aurocs)):
        memoriser.annotate(
            f"{aurocs[place]:.2f}",
            (place, aurocs[place]),
            (0, 6),
            textcoords="offset points",
            ha="center",
            size=8,
        )
    memoriser.axhline(0.5, color=COLOURS["reference"], ls="--", lw=1)
    memoriser.set_xticks(range(len(schemes)), schemes, rotation=40, ha="right")
    memoriser.set(
        xlim=(-0.6, len(schemes) - 0.4),
        ylim=(0, 1.1),
        ylabel="AUROC (dashed: chance)",
        title="A memoriser of 31-mers",
    )
    return figure


def _draw_shares(
    axes: Axes, shares: np.ndarray, schemes: Sequence[str], colours: Sequence[str]
) -> None:
    """Draw a group of bars a relation, one bar a scheme; `shares` is (schemes, relations)."""
    places, width = np.arange(len(RELATIONS)), 0.84 / len(schemes)
    for number, (scheme, colour) in enumerate(zip(schemes, colours, strict=True)):
        shift = (number - (len(schemes) - 1) / 2) * width
        axes.bar(places + shift, shares[number], width, color=colour, label=scheme)
    axes.set_xticks(places, RELATION_WORDS)
    axes.set(
        ylim=(0, 1),
        ylabel="share of test sequences",
        title="Test sequences with a relative in training",
    )
    axes.legend(title="split", title_fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--transcripts", required=True, help="the dataset, Parquet")
    parser.add_argument(
        "--splits", nargs="+", required=True, help="splits, Parquet, each named {scheme}.parquet"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of MMseqs2")
    parser.add_argument("--seed", type=seed, default=0, help="seed of what MMseqs2 searches for")
    parser.add_argument("--output", required=True, help="the audit, TSV")
    parser.add_argument("--relatives", required=True, help="of each test sequence, Parquet")
    parser.add_argument("--figure-dir", type=Path, required=True, help="folder of the figure")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    table = read_table(args.transcripts, DATASET_COLUMNS)
    splits = [read_split(path, table[["id"]], args.transcripts) for path in args.splits]
    if len({split.scheme for split in splits}) < len(splits):
        raise InputError("--splits", "two files have one name", "name each after its scheme")
    leakage, relatives = audit(table, splits, args.threads, args.seed)
    write_table(args.output, leakage)
    write_table(args.relatives, relatives)
    with style():
        save(draw(leakage), args.figure_dir, "leakage")
