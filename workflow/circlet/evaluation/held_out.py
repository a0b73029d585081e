"""What a run and its rivals are compared on: test sets of rows that both held out."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from circlet.errors import InputError
from circlet.evaluation.predictions import load_scored, read_predictions
from circlet.evaluation.test_sets import choose_test_sets
from circlet.tables import HARD, LABELS

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
