import asyncio
import threading

import pytest

from circlet.call_rows import Prediction
from circlet.data.records import Entry
from circlet.serve.batching import MOST_NT, MOST_RECORDS, Batch, Batcher, StoppedError
from circlet.serve.bodies import Query


class Slow:
    """A predictor that waits for leave, then says the id and length of each record.

    Attributes:
        calls: The ids of each call, and its settings.
    """

    def __init__(self, is_held: bool = True) -> None:
        self.calls, self.leave, self.begun = [], threading.Event(), threading.Event()
        if not is_held:
            self.leave.set()

    def predict(self, records, threshold, both_strands):
        records = list(records)
        self.calls.append(([entry.id for entry in records], threshold, both_strands))
        self.begun.set()
        assert self.leave.wait(30)
        for entry in records:
            if entry.id == "bad":
                raise ValueError("bad")
            yield Prediction(entry.id, entry.length, 0.5, "circRNA", 0.1)


def query(*names: str, nt: int = 4, threshold: float | None = None, both: bool = False) -> Query:
    return Query([Entry(name, "", nt) for name in names], threshold, both)


async def ask_while_busy(batcher: Batcher, slow: Slow, *queries: Query) -> list:
    """Ask queries that all wait behind a first one; give their answers or errors."""
    tasks = [asyncio.create_task(batcher.ask(query("first")))]
    await asyncio.to_thread(slow.begun.wait, 30)
    tasks += [asyncio.create_task(batcher.ask(each)) for each in queries]
    await asyncio.sleep(0)
    slow.leave.set()
    return (await asyncio.gather(*tasks, return_exceptions=True))[1:]


def ids(answers: list) -> list[list[str]]:
    return [[row.id for row in answer.predictions] for answer in answers]


def run(*queries: Query) -> tuple[list, Slow, list[Batch]]:
    slow, told = Slow(), []
    batcher = Batcher(slow, told.append)
    try:
        return asyncio.run(ask_while_busy(batcher, slow, *queries)), slow, told
    finally:
        batcher.stop()


def test_those_that_wait_share_a_batch():
    answers, slow, told = run(query("a", "b"), query(), query("c"))
    assert ids(answers) == [["a", "b"], [], ["c"]]
    assert [names for names, *_ in slow.calls] == [["first"], ["a", "b", "c"]]
    assert [(each.requests, len(each.predictions)) for each in told] == [(1, 1), (3, 3)]
    assert all(each.seconds >= 0 for each in told)


def test_other_settings_get_a_batch_of_their_own():
    answers, slow, _ = run(query("a", both=True), query("b", threshold=0.2), query("c"))
    assert ids(answers) == [["a"], ["b"], ["c"]]
    assert slow.calls[1:] == [(["a"], None, True), (["b"], 0.2, False), (["c"], None, False)]
    assert answers[0].columns[-1] == "p_other_strand"


@pytest.mark.parametrize(
    "large", [query(*(f"r{row}" for row in range(MOST_RECORDS + 1))), query("long", nt=MOST_NT + 1)]
)
def test_a_large_query_is_not_joined(large):
    answers, slow, _ = run(query("a"), large, query("b"))
    assert [len(names) for names, *_ in slow.calls] == [1, 1, len(large.records), 1]
    assert ids(answers)[1] == [entry.id for entry in large.records]


def test_an_error_is_of_its_query_alone():
    answers, _, told = run(query("a"), query("bad"), query("b"))
    assert ids([answers[0], answers[2]]) == [["a"], ["b"]]
    assert isinstance(answers[1], ValueError)
    assert [each.requests for each in told] == [1, 1, 1]


def test_what_is_cancelled_is_not_worked_on():
    async def cancel_one() -> None:
        first = asyncio.create_task(batcher.ask(query("first")))
        await asyncio.to_thread(slow.begun.wait, 30)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(batcher.ask(query("late")), 0.01)
        assert not batcher._waiting  # nor kept, however long the first one takes
        slow.leave.set()
        await first

    slow = Slow()
    batcher = Batcher(slow)
    asyncio.run(cancel_one())
    batcher.stop()
    assert [names for names, *_ in slow.calls] == [["first"]]


def test_stop_answers_what_waits_and_takes_no_more():
    async def stop_while_busy() -> None:
        tasks = [asyncio.create_task(batcher.ask(query("first")))]
        await asyncio.to_thread(slow.begun.wait, 30)
        tasks.append(asyncio.create_task(batcher.ask(query("second"))))
        await asyncio.sleep(0)
        stopping = asyncio.create_task(asyncio.to_thread(batcher.stop))
        while batcher.is_alive:
            await asyncio.sleep(0.001)
        with pytest.raises(StoppedError):
            await batcher.ask(query("third"))
        slow.leave.set()
        assert ids(await asyncio.gather(*tasks)) == [["first"], ["second"]]
        await stopping

    slow = Slow()
    batcher = Batcher(slow)
    assert batcher.is_alive
    asyncio.run(stop_while_busy())


def test_many_at_once_each_get_their_own():
    async def ask_all() -> list:
        return await asyncio.gather(
            *(batcher.ask(query(f"q{row}", f"p{row}")) for row in range(500))
        )

    batcher = Batcher(Slow(is_held=False))
    assert ids(asyncio.run(ask_all())) == [[f"q{row}", f"p{row}"] for row in range(500)]
    batcher.stop()
