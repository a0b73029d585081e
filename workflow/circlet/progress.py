"""Progress of long work: a bar on a terminal, a log line now and then elsewhere."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from tqdm import tqdm

log = logging.getLogger(__name__)
Item = TypeVar("Item")


class Progress:
    """Counts units of work and shows how far it has come.

    On a terminal it is a tqdm bar; in a log file or a pipe it is one log line every
    `interval` seconds.

    Args:
        description: What is being done.
        total: Units in all, if known.
        unit: Name of one unit; `B` shows sizes in bytes.
        interval: Seconds between two log lines.
    """

    def __init__(
        self, description: str, total: int | None = None, unit: str = "it", interval: float = 30.0
    ) -> None:
        self.description, self.total, self.unit, self.interval = description, total, unit, interval
        self.done = 0
        self._last = time.monotonic()
        self._bar = (
            tqdm(
                desc=description,
                total=total,
                unit=unit if unit == "B" else f" {unit}",
                unit_scale=unit == "B",
                unit_divisor=1024 if unit == "B" else 1000,
                leave=False,
                dynamic_ncols=True,
            )
            if sys.stderr.isatty()
            else None
        )

    def update(self, count: int = 1) -> None:
        """Add `count` finished units."""
        self.done += count
        if self._bar is not None:
            self._bar.update(count)
        elif time.monotonic() - self._last >= self.interval:
            self._last = time.monotonic()
            log.info("%s: %s", self.description, self._state())

    def _state(self) -> str:
        """How far it has come, in words."""
        if not self.total:
            return f"{self.done:,} {self.unit}"
        return f"{self.done:,} of {self.total:,} {self.unit} ({self.done / self.total:.0%})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield `items` while showing progress."""
    with Progress(description, total) as progress:
        for item in items:
            yield item
            progress.update()
