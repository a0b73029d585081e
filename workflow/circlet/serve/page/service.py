"""The model behind the page: loaded once a process, and asked by one session at a time."""

import threading
from collections.abc import Sequence
from pathlib import Path

from circlet.call_rows import Prediction
from circlet.data.records import Entry
from circlet.models import find_model
from circlet.predict import Predictor
from circlet.serve.page.explanation import Explanation, explain, why_not


class Service:
    """A model that the threads of all sessions share.

    The library under it may not be entered by two threads at once, and would not be quicker.

    Args:
        predictor: The model.
        path: Where it is from: a folder, or an ONNX file.
        name: What it is called on the page.
    """

    def __init__(self, predictor: Predictor, path: Path, name: str) -> None:
        self.predictor, self.path, self.name = predictor, path, name
        self._turn = threading.Lock()

    @classmethod
    def load(cls, model: str, device: str = "auto", threads: int | None = None) -> "Service":
        """Load a model; see `Predictor.from_pretrained`.

        Raises:
            InputError: It is missing or damaged, or the device is not there.
        """
        path = find_model(model)
        return cls(Predictor.from_pretrained(model, device, threads), path, path.name)

    def predict(self, entries: Sequence[Entry], both_strands: bool) -> list[Prediction]:
        """Classify records at the model's own threshold.

        Raises:
            InputError: The model gives no usable score.
        """
        with self._turn:
            return list(self.predictor.predict(entries, both_strands=both_strands))

    def why_not(self, entry: Entry, row: Prediction) -> str:
        """Say why a call cannot be explained; empty if it can be."""
        return why_not(self.predictor, self.path.is_file(), entry, row)

    def explain(self, entry: Entry, row: Prediction, threshold: float | None) -> Explanation:
        """Explain a call that `why_not` has nothing against."""
        with self._turn:
            return explain(self.predictor, entry, row, threshold)


_installed: list[Service] = []


def install(service: Service) -> None:
    """Set what all sessions of this process ask."""
    _installed[:] = [service]


def installed() -> Service:
    """Give what was installed.

    Raises:
        RuntimeError: Nothing was: the script is not run by 'circlet page'.
    """
    if not _installed:
        raise RuntimeError("no model: start the page by 'circlet page'")
    return _installed[0]
