"""SIGTERM, by which a scheduler asks a process to end: at once, or when its work is safe."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

EXIT_TERMINATED = 128 + signal.SIGTERM  # as a shell tells it


def leave() -> NoReturn:
    """End by an exception, so that unfinished outputs are removed.

    The signal may come twice, from a scheduler and from what it started: from here on it is
    ignored, so as not to break off the clean-up.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(EXIT_TERMINATED)


def end_at_once(signum: int, frame: FrameType | None) -> None:
    """Handle SIGTERM where nothing is worth a wait."""
    leave()


class Notice:
    """Notes SIGTERM while it is postponed; in the main thread alone, as all of signals.

    Attributes:
        came: Whether it did.
    """

    def __init__(self) -> None:
        self.came = False
        self._before = signal.getsignal(signal.SIGTERM)

    def note(self, signum: int, frame: FrameType | None) -> None:
        """Handle SIGTERM."""
        self.came = True

    @contextlib.contextmanager
    def postponed(self) -> Iterator[None]:
        """Only note SIGTERM in the block; it takes effect at the end, if that is not an error."""
        self._before = signal.signal(signal.SIGTERM, self.note)
        try:
            yield
        finally:
            if signal.getsignal(signal.SIGTERM) == self.note:  # else the process leaves already
                signal.signal(signal.SIGTERM, self._before)
        self._act()

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Within that of `postponed`, give a block where SIGTERM, also an earlier one, acts."""
        signal.signal(signal.SIGTERM, self._before)
        self._act()
        yield
        signal.signal(signal.SIGTERM, self.note)

    def _act(self) -> None:
        """Do what was put off."""
        if self.came:
            signal.raise_signal(signal.SIGTERM)
