import threading
import time

import pytest

from circlet.errors import InputError
from circlet.pipelining import ahead, in_order

BROKEN = InputError("in.fa", "breaks off", "mend it")


def breaking(count, error=BROKEN):
    yield from range(count)
    raise error


def slowly(value):
    """Later items are done sooner."""
    time.sleep(0.002 * (10 - value % 10))
    return value


@pytest.mark.parametrize("depth", [1, 2, 100])
@pytest.mark.parametrize("count", [0, 1, 30])
def test_items_come_ahead_in_their_order(depth, count):
    assert list(ahead(range(count), depth)) == list(range(count))


@pytest.mark.parametrize("error", [BROKEN, RuntimeError("a bug"), KeyboardInterrupt()])
def test_an_error_comes_after_the_items_before_it(error):
    found = []
    with pytest.raises(type(error)) as caught:
        found.extend(ahead(breaking(5, error), 2))
    assert found == list(range(5))
    assert caught.value is error


def test_no_more_than_the_depth_is_taken_ahead():
    taken = []
    items = ahead((item for item in range(100) if not taken.append(item)), 3)
    assert next(items) == 0
    time.sleep(0.1)
    assert len(taken) <= 1 + 3 + 1  # given, waiting, and the one in hand
    before = threading.active_count()
    items.close()
    deadline = time.monotonic() + 10
    while threading.active_count() == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() == before - 1


def test_nothing_is_taken_before_it_is_asked_for():
    taken = []
    items = in_order((item for item in range(9) if not taken.append(item)), int, [int])
    assert taken == []
    items.close()


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 25])
def test_results_come_in_order(workers, count):
    found = in_order(range(count), lambda item: -item, [lambda ready: slowly(-ready)] * workers)
    assert list(found) == list(range(count))


def test_workers_take_turns_each_in_a_thread_of_its_own():
    def worker(name):
        return lambda item: (item, name, threading.current_thread().name)

    found = list(in_order(range(8), lambda item: item, [worker("a"), worker("b")]))
    assert [(item, name) for item, name, _ in found] == [(row, "ab"[row % 2]) for row in range(8)]
    threads = [{thread for _, name, thread in found if name == which} for which in "ab"]
    assert [len(names) for names in threads] == [1, 1]
    assert threads[0] != threads[1]


def test_items_are_taken_in_the_thread_of_the_caller_as_they_are_needed():
    threads = []
    items = (item for item in range(50) if not threads.append(threading.current_thread()))
    results = in_order(items, int, [int])
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(threads) <= 3 + 3
    assert set(threads) == {threading.current_thread()}
    results.close()


def test_the_end_of_the_input_comes_after_the_results():
    found = []
    with pytest.raises(InputError, match="breaks off"):
        found.extend(in_order(breaking(7), int, [slowly, slowly]))
    assert found == list(range(7))


@pytest.mark.parametrize("place", ["prepare", "worker"])
def test_an_error_in_the_work_ends_it(place):
    def faulty(item):
        if item == 3:
            raise RuntimeError("a bug")
        return item

    steps = {"prepare": int, "worker": int} | {place: faulty}
    found, before = [], threading.active_count()
    with pytest.raises(RuntimeError, match="a bug"):
        found.extend(in_order(range(99), steps["prepare"], [steps["worker"]]))
    assert found == [0, 1, 2]
    assert threading.active_count() == before


def test_who_stops_early_leaves_no_thread_behind():
    before = threading.active_count()
    results = in_order(range(1000), slowly, [slowly, slowly])
    assert next(results) == 0
    results.close()
    assert threading.active_count() == before
