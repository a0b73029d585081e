"""Work that goes on in other threads while results are taken, in order and with bounded memory."""

import itertools
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from circlet.errors import InputError

Item = TypeVar("Item")
Ready = TypeVar("Ready")
Result = TypeVar("Result")

_END = object()


def ahead(items: Iterable[Item], depth: int) -> Iterator[Item]:
    """Yield items that a thread of its own takes from `items`, at most `depth` ahead.

    An error of `items` comes where it belongs: after all items before it. The thread ends with the
    process, also while it waits for an input that never comes.
    """
    taken: queue.Queue[Any] = queue.Queue(depth)
    gone = threading.Event()

    def put(item: Any) -> bool:
        while not gone.is_set():
            try:
                taken.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def take() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
            put((_END, None))
        except BaseException as error:  # whatever it is, it is raised where the items are used
            put((_END, error))

    threading.Thread(target=take, daemon=True).start()
    try:
        while True:
            item, error = taken.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        gone.set()


def in_order(
    items: Iterable[Item],
    prepare: Callable[[Item], Ready],
    workers: Sequence[Callable[[Ready], Result]],
) -> Iterator[Result]:
    """Yield the result of each item, in order, while the next ones are worked on.

    Items are taken as they are needed, in the caller's thread; `prepare` runs in one thread for all
    of them, and each worker in one of its own, so that a device is used by one thread alone.

    Args:
        items: What to work on. If they end in an InputError, it is raised after the results of all
            items before it.
        prepare: The first half of the work.
        workers: The second half, by different devices: they take items in turn.
    """
    pools = [ThreadPoolExecutor(1) for _ in range(len(workers) + 1)]
    waiting: deque[Future[Result]] = deque()
    stopped: InputError | None = None
    turns = itertools.cycle(zip(pools[1:], workers, strict=True))
    iterator = iter(items)
    try:
        while True:
            try:
                item = next(iterator)
            except StopIteration:
                break
            except InputError as error:
                stopped = error
                break
            ready = pools[0].submit(prepare, item)
            pool, worker = next(turns)
            waiting.append(pool.submit(_finish, worker, ready))
            if len(waiting) > len(workers) + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        if stopped is not None:
            raise stopped
    finally:
        for pool in pools:
            pool.shutdown(wait=True, cancel_futures=True)


def _finish(worker: Callable[[Ready], Result], ready: Future[Ready]) -> Result:
    """Wait for the first half of the work, and do the second."""
    return worker(ready.result())
