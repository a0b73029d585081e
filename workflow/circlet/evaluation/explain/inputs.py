"""Which transcripts are explained: a run's surest mistakes beside right calls, or a user's own."""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from circlet.data.sources.fasta import read_identified
from circlet.errors import InputError
from circlet.evaluation.predictions import read_predictions, select_part
from circlet.files import read_table
from circlet.parts import with_parts
from circlet.predict import Predictor
from circlet.tables import LABELS, MISTAKE_COLUMNS, POSITIVE, SPLIT_COLUMNS

log = logging.getLogger(__name__)

MISTAKE, RIGHT, GIVEN = "mistake", "right", "given"


class Asked(NamedTuple):
    """What to explain.

    Attributes:
        single: Transcripts that get a picture each, with `id`, `label`, `doubt`, `kind` and
            `sequence` (upper-case ACGT); label and doubt are missing of a user's own.
        all: Transcripts to draw a sample from, with `id`, `label` and `sequence`.
    """

    single: pd.DataFrame
    all: pd.DataFrame


def draw_sample(transcripts: pd.DataFrame, size: int, seed: int) -> pd.DataFrame:
    """Draw rows at random, at most `size`; they keep their order."""
    rng, size = np.random.default_rng(seed), min(size, len(transcripts))
    return transcripts.iloc[np.sort(rng.choice(len(transcripts), size, replace=False))]


def choose(mistakes: pd.DataFrame, scored: pd.DataFrame, most: int, right: int) -> pd.DataFrame:
    """Choose the mistakes of which a run is surest, and right calls of which it is surest.

    Args:
        mistakes: With `MISTAKE_COLUMNS`.
        scored: Predictions of the part, with `id`, `label`, `call` and `p_circrna`.
        most: Number of mistakes, of both classes together.
        right: Number of right calls of each class.

    Returns:
        Columns `id`, `label`, `doubt` and `kind`: mistakes by ascending doubt, then right calls,
        circRNAs first, by descending doubt; ties by id.
    """
    wrong = mistakes.sort_values(["doubt", "id"]).head(most).assign(kind=MISTAKE)
    sure = scored[scored["label"] == scored["call"]].assign(kind=RIGHT)
    p_circrna = sure["p_circrna"]
    sure["doubt"] = p_circrna.where(sure["label"] == POSITIVE, 1 - p_circrna)
    sure = sure.sort_values(["doubt", "id"], ascending=[False, True])
    of_label = [sure[sure["label"] == label].head(right) for label in reversed(LABELS)]
    table = pd.concat([wrong, *of_label], ignore_index=True)
    return table[["id", "label", "doubt", "kind"]]


def from_dataset(
    files: dict[str, Path], part: str, predictor: Predictor, most: int, right: int
) -> Asked:
    """Ask for a run's mistakes and right calls of a part.

    Args:
        files: Paths of `predictions`, `split`, `transcripts` and `mistakes`.
        part: The part.
        predictor: The run's model.
        most: Number of mistakes.
        right: Number of right calls of each class.

    Raises:
        InputError: A table is not usable, or they do not fit each other.
    """
    split = read_table(files["split"], SPLIT_COLUMNS)
    predictions = read_predictions(files["predictions"])
    predictions = with_parts(predictions, split, files["predictions"], files["split"])
    scored = select_part(predictions, part, files["predictions"])
    mistakes = read_table(files["mistakes"], MISTAKE_COLUMNS)
    _check_known(mistakes["id"], scored["id"], files["mistakes"], files["predictions"])
    transcripts = read_table(files["transcripts"], ("id", "sequence"))[["id", "sequence"]]
    _check_known(scored["id"], transcripts["id"], files["predictions"], files["transcripts"])
    single = choose(mistakes, scored, most, right).merge(transcripts, on="id")
    everything = scored[["id", "label"]].merge(transcripts, on="id")
    return Asked(*(keep_usable(table, predictor) for table in (single, everything)))


def _check_known(ids: pd.Series, known: pd.Series, path: Path, known_path: Path) -> None:
    """Refuse a table with an id that the other one lacks.

    Raises:
        InputError: There is one.
    """
    if len(missing := ids[~ids.isin(known)]):
        mend = "make both of one dataset and part"
        raise InputError(path, f"not in {known_path}", mend, missing.iloc[0])


def from_fasta(path: Path, predictor: Predictor, most: int) -> Asked:
    """Ask for the first records of a FASTA file that can be explained.

    Raises:
        InputError: The file is broken, or no record can be explained.
    """
    records = [(name, sequence) for name, _, sequence in read_identified(path)]
    table = pd.DataFrame(records, columns=["id", "sequence"])
    table["sequence"] = table["sequence"].str.upper().str.replace("U", "T")
    table = table.assign(label=None, doubt=np.nan, kind=GIVEN)
    usable = keep_usable(table, predictor)
    if usable.empty:
        raise InputError(path, "no record can be explained", "give longer ones, of ACGT alone")
    if len(usable) > most:
        log.info("%s: of %d records the first %d get a picture", path, len(usable), most)
    return Asked(usable.head(most), usable)


def keep_usable(table: pd.DataFrame, predictor: Predictor) -> pd.DataFrame:
    """Leave out transcripts whose calls cannot be explained, and say which."""
    is_usable = table["sequence"].map(predictor.can_explain).astype(bool)
    for identifier in table["id"][~is_usable]:
        log.warning("%s: too short for the model, or other letters than ACGT: skipped", identifier)
    return table[is_usable].reset_index(drop=True)
