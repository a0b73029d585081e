"""How far simple descriptors alone tell circRNAs from lncRNAs, and where they no longer do."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from circlet.descriptors import DESCRIPTORS, describe
from circlet.errors import InputError
from circlet.evaluation.baselines import boosting, load_transcripts, logistic
from circlet.evaluation.bootstrap import (
    add_bootstrap_arguments,
    auroc_interval,
    check_options,
)
from circlet.evaluation.coding import fickett
from circlet.evaluation.scores import ranking_metrics
from circlet.evaluation.subsets import choose_subsets
from circlet.files import read_table, write_table
from circlet.tables import (
    CONFOUND_COLUMNS,
    HARD,
    HARD_TAUGHT,
    POSITIVE,
    SUBSET_COLUMNS,
    SUBSETS,
    TEST,
    TRAIN,
    UNUSED,
)

# Descriptors that rank by one column, and those fitted on several.
SINGLE = {
    "length": "log_length",
    "gc": "gc",
    "stop_free_linear": "stop_free_linear_1",
    "stop_free_ring": "stop_free_ring_1",
    "coding_potential": "coding_potential",
    "soft_masked": "soft_masked",
}
ENDS = {f"{end}_bases": [f"{end}_{place}" for place in (1, 2, 3, 4)] for end in ("first", "last")}

log = logging.getLogger(__name__)


def measure(transcripts: pd.DataFrame) -> pd.DataFrame:
    """Describe each transcript by `DESCRIPTORS`, `coding_potential` and `soft_masked`.

    Args:
        transcripts: Has `sequence` and `soft_masked`, the latter NaN where not known.

    Returns:
        One row a transcript, in order, float64; `soft_masked` is NaN where not known.
    """
    sequences = transcripts["sequence"].tolist()
    return describe(sequences).assign(
        coding_potential=fickett(sequences),
        soft_masked=transcripts["soft_masked"].to_numpy(float),
    )


def score(
    descriptors: pd.DataFrame, is_circrna: np.ndarray, is_train: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Turn descriptors into scores that are higher for circRNAs in the training part.

    A descriptor of one number is that number, negated where its AUROC in the training part is
    below .5 (as it is, where the training part does not know it for both classes). The direction
    is thus not taken from what is tested: chance is .5, and a descriptor that points the other way
    there shows an AUROC below. The bases at an end are scored by logistic regression on one
    indicator a base and place, and `boosting` is that of all 16 descriptors, as in the baseline.

    Args:
        descriptors: As `measure` gives them.
        is_circrna: The class, bool (n,).
        is_train: Whether a row is of the training part, which has both classes, bool (n,).
        seed: Seed of the classifiers.

    Returns:
        Descriptor: score of each row, (n,), NaN where not known.
    """
    scores = {
        name: _towards_circrna(descriptors[column].to_numpy(), is_circrna, is_train)
        for name, column in SINGLE.items()
    }
    one_hot = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    fitted = {
        **{
            name: (columns, make_pipeline(one_hot, logistic(seed)))
            for name, columns in ENDS.items()
        },
        "boosting": (list(DESCRIPTORS), boosting(seed)),
    }
    for name, (columns, classifier) in fitted.items():
        features = descriptors[columns].to_numpy()
        classifier.fit(features[is_train], is_circrna[is_train])
        scores[name] = classifier.predict_proba(features)[:, 1]
    return scores


def _towards_circrna(
    values: np.ndarray, is_circrna: np.ndarray, is_train: np.ndarray
) -> np.ndarray:
    """Negate values that are lower for circRNAs in the training part."""
    known = is_train & ~np.isnan(values)
    if not _has_both(is_circrna[known]):
        return values
    once = np.ones((1, known.sum()))
    auroc = ranking_metrics(is_circrna[known], values[known], once)["auroc"][0]
    return values if auroc >= 0.5 else -values


def _has_both(is_circrna: np.ndarray) -> bool:
    """Whether both classes occur."""
    return bool(is_circrna.any() and not is_circrna.all())


def find_test_sets(
    rows: pd.DataFrame, descriptors: pd.DataFrame, seed: int
) -> dict[str, np.ndarray]:
    """Choose the rows of each test set.

    - `test`: the test part;
    - `matched` and `low_stop_free`: subsets of it, see `choose_subsets`;
    - `hard`: the circRNAs of the test part and the hard negatives held out beside it, if any are;
    - `hard_taught`: the same, for scores that `taught_hard` gives.

    Args:
        rows: Transcripts with `id`, `label` and `part`.
        descriptors: Of the same rows, as `measure` gives them.
        seed: Seed of the matching.

    Returns:
        Test set: its row numbers, ascending.
    """
    is_circrna = (rows["label"] == POSITIVE).to_numpy(bool)
    is_test, is_hard = ((rows["part"] == part).to_numpy(bool) for part in (TEST, HARD))
    test = np.flatnonzero(is_test)
    subsets = choose_subsets(rows.iloc[test], descriptors.iloc[test], seed)
    found = {TEST: test} | {name: test[chosen] for name, chosen in subsets.items()}
    if is_hard.any():
        found[HARD] = found[HARD_TAUGHT] = np.flatnonzero((is_test & is_circrna) | is_hard)
    return found


def taught_hard(rows: pd.DataFrame) -> np.ndarray:
    """Choose what teaches circRNAs against hard negatives: those of the training groups.

    Args:
        rows: Transcripts with `label`, `part` and `group_part`.

    Returns:
        bool (n,).
    """
    is_circrna = (rows["part"] == TRAIN) & (rows["label"] == POSITIVE)
    is_hard = (rows["part"] == UNUSED) & (rows["group_part"] == TRAIN)
    either: np.ndarray = (is_circrna | is_hard).to_numpy(bool)
    return either


def evaluate_scheme(
    rows: pd.DataFrame,
    descriptors: pd.DataFrame,
    replicates: int,
    confidence: float,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure the confounds under one split, and choose its subsets.

    A test set that lacks a class is left out of both tables, with a warning; `soft_masked` is
    left out where it is not known for both classes.

    Args:
        rows: Transcripts with `id`, `label`, `group`, `part` and `group_part`.
        descriptors: Of the same rows, as `measure` gives them.
        replicates: Bootstrap replicates.
        confidence: Of the intervals.
        seed: Seed of classifiers, matching and bootstrap.

    Returns:
        Tables with `CONFOUND_COLUMNS` and `SUBSET_COLUMNS`, without the scheme.
    """
    is_circrna = (rows["label"] == POSITIVE).to_numpy(bool)
    groups, ids = (rows[name].to_numpy(object) for name in ("group", "id"))
    is_train, is_taught_hard = (rows["part"] == TRAIN).to_numpy(bool), taught_hard(rows)
    scores = score(descriptors, is_circrna, is_train, seed)
    confounds, subsets = [], []
    for test_set, chosen in find_test_sets(rows, descriptors, seed).items():
        is_taught = is_taught_hard if test_set == HARD_TAUGHT else is_train
        if not (_has_both(is_circrna[chosen]) and _has_both(is_circrna[is_taught])):
            log.warning("Test set %s lacks a class and is left out", test_set)
            continue
        if test_set in SUBSETS:
            subsets += [(test_set, id_) for id_ in ids[chosen]]
        if test_set == HARD_TAUGHT:
            scores = score(descriptors, is_circrna, is_taught_hard, seed)
        for name, values in scores.items():
            known = chosen[~np.isnan(values[chosen])]
            truth = is_circrna[known]
            if _has_both(truth):
                found = auroc_interval(
                    truth, values[known], groups[known], replicates, confidence, seed
                )
                confounds.append((test_set, name, truth.sum(), (~truth).sum(), *found))
    return (
        pd.DataFrame(confounds, columns=list(CONFOUND_COLUMNS[1:])),
        pd.DataFrame(subsets, columns=list(SUBSET_COLUMNS[1:]), dtype="string"),
    )


def load_schemes(
    transcripts_path: Path, split_paths: Sequence[Path]
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Read the transcripts, and their groups and parts under each scheme.

    Returns:
        The transcripts, and for each scheme, named as its file, the same rows with `id`, `label`,
        `group`, `part` and `group_part`.

    Raises:
        InputError: Two splits have one name, a table is not usable (see `load_transcripts`), or a
            soft-masked fraction is none.
    """
    schemes = {}
    for path in split_paths:
        if path.stem in schemes:
            raise InputError("--splits", f"{path.stem} is given twice", "give each scheme once")
        rows = load_transcripts(transcripts_path, path)
        group_part = read_table(path, ("id", "group_part")).set_index("id")["group_part"]
        rows = rows[["id", "label", "group", "part"]]
        schemes[path.stem] = rows.assign(group_part=group_part.loc[rows["id"]].to_numpy())
    transcripts = read_table(transcripts_path, ("id", "sequence", "soft_masked"))
    fractions = pd.to_numeric(transcripts["soft_masked"], errors="coerce").to_numpy(
        float, na_value=np.nan
    )
    is_fraction = (fractions >= 0) & (fractions <= 1)
    is_wrong = transcripts["soft_masked"].notna().to_numpy() & ~is_fraction
    if is_wrong.any():
        raise InputError(
            transcripts_path,
            "soft_masked is not a fraction",
            "make the dataset again",
            transcripts["id"][is_wrong].iloc[0],
        )
    return transcripts.assign(soft_masked=fractions), schemes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--transcripts", type=Path, required=True, help="table of transcripts")
    parser.add_argument(
        "--splits",
        type=Path,
        nargs="+",
        required=True,
        help="tables of groups and parts, each named after its scheme",
    )
    add_bootstrap_arguments(parser, "classifiers, matching and bootstrap")
    parser.add_argument("--output", type=Path, required=True, help="table of AUROCs to write")
    parser.add_argument("--subsets", type=Path, required=True, help="table of subsets to write")


def run(args: argparse.Namespace) -> None:
    """Measure the confounds under each split and write them with the subsets."""
    check_options(args.replicates, args.confidence)
    transcripts, schemes = load_schemes(args.transcripts, args.splits)
    descriptors = measure(transcripts)
    log.info("%d transcripts described", len(descriptors))
    confounds: list[pd.DataFrame] = []
    subsets: list[pd.DataFrame] = []
    for scheme, rows in schemes.items():
        log.info("Scheme %s", scheme)
        tables = evaluate_scheme(rows, descriptors, args.replicates, args.confidence, args.seed)
        for collected, table in zip((confounds, subsets), tables, strict=True):
            table.insert(0, "scheme", scheme)
            collected.append(table)
    write_table(args.output, pd.concat(confounds))
    write_table(args.subsets, pd.concat(subsets).astype("string"))
