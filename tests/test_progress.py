import functools
import io
import logging
from types import SimpleNamespace

import pytest
from tqdm import tqdm

from circlet.progress import Progress, track


class Screen(io.StringIO):
    """A standard error that may be a terminal."""

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture
def screen(monkeypatch, request):
    """Standard error, a terminal if the test's parameter says so; bars drawn at every update."""
    screen = Screen(getattr(request, "param", False))
    bar = functools.partial(tqdm, file=screen, mininterval=0)
    monkeypatch.setattr("circlet.progress.sys", SimpleNamespace(stderr=screen))
    monkeypatch.setattr("circlet.progress.tqdm", bar)
    return screen


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("circlet.progress.time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_off_a_terminal_a_line_is_logged_once_an_interval(screen, clock, caplog):
    caplog.set_level(logging.INFO)
    seen = []
    with Progress("reading x", total=4000, unit="records", interval=30) as progress:
        for seconds in (29.9, 0.1, 29.9, 0.2, 29.9):
            clock.now += seconds
            progress.update(800)
            seen.append(len(caplog.messages))
    assert seen == [0, 1, 1, 2, 2]
    assert caplog.messages == [
        "reading x: 1,600 of 4,000 records (40%)",
        "reading x: 3,200 of 4,000 records (80%)",
    ]
    assert progress.done == 4000
    assert screen.getvalue() == ""


@pytest.mark.parametrize("total", [None, 0])
def test_an_unknown_total_is_left_out(screen, clock, caplog, total):
    caplog.set_level(logging.INFO)
    with Progress("fetching", total=total, unit="B") as progress:
        clock.now += 30
        progress.update(1234567)
    assert caplog.messages == ["fetching: 1,234,567 B"]


@pytest.mark.parametrize("screen", [True], indirect=True)
def test_on_a_terminal_there_is_a_bar_and_no_log(screen, clock, caplog):
    caplog.set_level(logging.INFO)
    with Progress("reading x", total=4, unit="records") as progress:
        clock.now += 100
        progress.update(3)
        bar = screen.getvalue()
    assert "reading x:" in bar
    assert "3/4 [" in bar
    assert "records/s" in bar
    assert screen.getvalue().endswith("\r")  # the bar is wiped at the end
    assert caplog.messages == []


@pytest.mark.parametrize("screen", [True], indirect=True)
def test_a_bar_shows_bytes_in_binary_units(screen):
    with Progress("fetching", total=4 << 20, unit="B") as progress:
        progress.update(1 << 20)
        assert "1.00M/4.00M [" in screen.getvalue()


@pytest.mark.parametrize("screen", [True], indirect=True)
def test_a_bar_is_closed_by_an_error(screen):
    with pytest.raises(ValueError, match="broken"), Progress("reading x", total=4):
        raise ValueError("broken")
    assert screen.getvalue().endswith("\r")


def test_track_yields_its_items_and_counts_those_that_are_done(screen, clock, caplog):
    caplog.set_level(logging.INFO)
    found = []
    for item in track(iter("abc"), "reading x", total=3):
        clock.now += 31
        found.append((item, len(caplog.messages)))
    assert found == [("a", 0), ("b", 1), ("c", 2)]
    assert caplog.messages == [
        "reading x: 1 of 3 it (33%)",
        "reading x: 2 of 3 it (67%)",
        "reading x: 3 of 3 it (100%)",
    ]
