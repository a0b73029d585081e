"""What a run and its rivals are compared on: test sets of rows that both held out."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from circlet.descriptors import describe
from circlet.errors import InputError
from circlet.evaluation.baselines import load_transcripts
from circlet.evaluation.metrics import load_scored
from circlet.evaluation.predictions import read_predictions, select_part
from circlet.evaluation.subsets import choose_subsets
from circlet.files import read_table
from circlet.tables import HARD, LABELS, SUBSET_COLUMNS, TEST, VALIDATION

log = logging.getLogger(__name__)


def load_rival(path: Path, split_path: Path, run: pd.DataFrame, run_path: Path) -> pd.DataFrame:
    """Read a rival's predictions, in the order and with the index of the run's.

    Raises:
        InputError: See `load_scored`; also if a label is another than the run's.
    """
    rival = load_scored(path, split_path).set_index("id").loc[run["id"]].reset_index()
    _refuse_other_labels(rival, path, run, run_path)
    return rival


def load_other(path: Path, run: pd.DataFrame, run_path: Path, part: str) -> pd.DataFrame:
    """Read the predictions of a rival of another split for the rows that both held out.

    Those are the rows that lie in the scored part, or in `hard`, of both splits: neither learned
    from them.

    Args:
        path: The rival's predictions.
        run: The run's predictions of all parts, with their groups.
        run_path: File of `run`, for messages.
        part: Name of the scored part.

    Returns:
        Rows with the run's index and groups, in its order.

    Raises:
        InputError: A prediction is not usable, an id is repeated, or a label is another than the
            run's.
    """
    rival = read_predictions(path)
    twice = rival["id"][rival["id"].duplicated()]
    if len(twice):
        raise InputError(
            path, "the id occurs more than once", "make the predictions again", twice.iloc[0]
        )
    rival = rival.set_index("id").reindex(run["id"]).reset_index().set_axis(run.index)
    is_common = (rival["part"] == run["part"]) & run["part"].isin([part, HARD])
    rival = rival[is_common].assign(group=run["group"][is_common])
    _refuse_other_labels(rival, path, run[is_common], run_path)
    return rival


def _refuse_other_labels(
    rival: pd.DataFrame, path: Path, run: pd.DataFrame, run_path: Path
) -> None:
    """Refuse predictions of rows in the same order that are labelled otherwise.

    Raises:
        InputError: A label is another than the run's.
    """
    is_other = rival["label"].to_numpy() != run["label"].to_numpy()
    if is_other.any():
        raise InputError(
            path,
            f"label is another than in {run_path}",
            "make both predictions from one dataset",
            rival["id"][is_other].iloc[0],
        )


def read_subsets(path: Path, scheme: str, scored: pd.DataFrame) -> dict[str, pd.Series]:
    """Read the ids of each subset of a scheme's test part; there are none for another split.

    Raises:
        InputError: A row is not of the test part.
    """
    table = read_table(path, SUBSET_COLUMNS)
    rows = table[table["scheme"] == scheme]
    if rows.empty:
        log.info("%s has no subsets of the split %s", path, scheme)
    is_of_part = rows["id"].isin(scored["id"][scored["part"] == TEST])
    if not is_of_part.all():
        raise InputError(
            path,
            f"not in the part {TEST} of the split {scheme}",
            "make subsets and split of one dataset",
            rows["id"][~is_of_part].iloc[0],
        )
    return dict(iter(rows.groupby("subset", sort=False)["id"]))


def subsets_of_validation(
    transcripts_path: Path, split_path: Path, seed: int
) -> dict[str, pd.Series]:
    """Choose the ids of the subsets of the validation part, as those of a test part are.

    Raises:
        InputError: A table is not usable, see `load_transcripts`.
    """
    rows = load_transcripts(transcripts_path, split_path)
    rows = rows[rows["part"] == VALIDATION]
    descriptors = describe(rows["sequence"].tolist())
    chosen = choose_subsets(rows, descriptors, seed)
    return {name: rows["id"].iloc[places] for name, places in chosen.items()}


def choose_test_sets(
    scored: pd.DataFrame, part: str, subsets: Mapping[str, pd.Series], path: Path
) -> dict[str, pd.Index]:
    """Choose the rows of each test set: the part, its subsets, and `hard` beside the test part.

    A subset without one of the classes is left out, with a warning.

    Args:
        scored: Predictions of all parts, with `id`, `label` and `part`.
        part: Name of the part.
        subsets: Ids of each subset of the part.
        path: File of the predictions, for messages.

    Returns:
        Test set: index of its rows.

    Raises:
        InputError: The part lacks a label.
    """
    rows = select_part(scored, part, path)
    found = {part: rows.index}
    for name, ids in subsets.items():
        chosen = rows[rows["id"].isin(ids)]
        if set(chosen["label"]) == set(LABELS):
            found[name] = chosen.index
        else:
            log.warning("The subset %s lacks a class and is left out", name)
    if part == TEST and (scored["part"] == HARD).any():
        found[HARD] = select_part(scored, HARD, path).index
    return found


def common_test_sets(
    name: str, common: pd.DataFrame, part: str, subsets: Mapping[str, pd.Series], path: Path
) -> dict[str, pd.Index]:
    """Choose the rows of each test set that a rival of another split held out as well.

    Args:
        name: The rival, for messages.
        common: The rows that both held out, see `load_other`.
        part: Name of the part.
        subsets: Ids of each subset of the part.
        path: File of the rival's predictions, for messages.

    Returns:
        Test set: index of its rows; none if the common rows of the part lack a class.
    """
    labels = common["label"][common["part"] == part]
    if set(labels) != set(LABELS):
        told = "%s held out %d rows of the part %s, not of both classes: no comparison"
        log.info(told, name, len(labels), part)
        return {}
    return choose_test_sets(common, part, subsets, path)
