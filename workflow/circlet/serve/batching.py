"""Requests that wait at the same time are classified together: networks like large batches."""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple

from circlet.call_rows import Prediction
from circlet.predict import Predictor
from circlet.serve.answers import Answer
from circlet.serve.bodies import Query
from circlet.tables import call_columns

# What is classified at once, unless a single request brings more: it bounds how long the others
# wait.
MOST_RECORDS = 512
MOST_NT = 500_000


class StoppedError(Exception):
    """No more queries are taken."""


class Batch(NamedTuple):
    """What was done at once, for those who count it.

    Attributes:
        requests: How many there were.
        predictions: Of all of them.
        seconds: That they took.
    """

    requests: int
    predictions: Sequence[Prediction]
    seconds: float


@dataclass(eq=False)
class _Waiting:
    """A query, and the future of its answer."""

    query: Query
    future: Future[Answer] = field(default_factory=Future)

    @property
    def settings(self) -> tuple[float | None, bool]:
        """Queries of the same settings may share a batch."""
        return self.query.threshold, self.query.both_strands


class Batcher:
    """One thread that answers queries in the order in which they come, several at once.

    Args:
        predictor: The model; no other thread uses it.
        tell: Called with each batch that is done.
    """

    def __init__(
        self, predictor: Predictor, tell: Callable[[Batch], None] = lambda batch: None
    ) -> None:
        self.predictor, self._tell = predictor, tell
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether queries are taken."""
        return self._thread.is_alive() and not self._is_stopping

    async def ask(self, query: Query) -> Answer:
        """Wait for the answer to a query; one that is cancelled before its turn is forgotten.

        Raises:
            StoppedError: The batcher is stopped.
        """
        waiting = _Waiting(query)
        with self._changed:
            if not self.is_alive:
                raise StoppedError
            self._waiting.append(waiting)
            self._changed.notify()
        try:
            return await asyncio.wrap_future(waiting.future)
        except asyncio.CancelledError:
            with self._changed, contextlib.suppress(ValueError):  # else its turn has come
                self._waiting.remove(waiting)
            raise

    def stop(self) -> None:
        """Answer what waits, then end the thread."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        """Answer queries until there are none and it is stopped."""
        while batch := self._next_batch():
            batch = [each for each in batch if each.future.set_running_or_notify_cancel()]
            if batch:
                self._answer(batch)

    def _next_batch(self) -> list[_Waiting]:
        """Wait for queries; take the first and those after it that may share its batch."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_stopping)
            batch: list[_Waiting] = []
            records = nt = 0
            while self._waiting:
                first = self._waiting[0]
                records, nt = records + len(first.query.records), nt + first.query.nt
                is_full = records > MOST_RECORDS or nt > MOST_NT
                if batch and (is_full or first.settings != batch[0].settings):
                    break
                batch.append(self._waiting.popleft())
            return batch

    def _answer(self, batch: list[_Waiting]) -> None:
        """Classify the records of a batch and share out what the model says."""
        started = time.perf_counter()
        try:
            predictions = self._predict(batch)
        except Exception as error:
            if len(batch) > 1:  # so that none suffers for another
                for each in batch:
                    self._answer([each])
                return
            batch[0].future.set_exception(error)
            return
        start = 0
        for each in batch:
            end = start + len(each.query.records)
            columns = call_columns(each.query.both_strands)
            each.future.set_result(Answer(predictions[start:end], columns))
            start = end
        self._tell(Batch(len(batch), predictions, time.perf_counter() - started))

    def _predict(self, batch: list[_Waiting]) -> list[Prediction]:
        """Classify the records of all queries of a batch."""
        threshold, both_strands = batch[0].settings
        records = (record for each in batch for record in each.query.records)
        return list(self.predictor.predict(records, threshold, both_strands))
