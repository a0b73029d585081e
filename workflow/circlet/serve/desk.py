"""What requests meet: the model behind its batcher, and the bounds of what is taken."""

import asyncio
import contextlib
from collections.abc import Iterator

from circlet.predict import Predictor
from circlet.serve.about import describe
from circlet.serve.batching import Batcher
from circlet.serve.bodies import Limits
from circlet.serve.counters import Counters
from circlet.serve.settings import Settings

PARSED_AT_ONCE = 2  # bodies: to read more of them takes as long, and much more memory
WARM_UP = [("warm-up", "ACGT" * 250)]  # the first prediction takes longest


class Desk:
    """See the module.

    Args:
        settings: Of the API.
        counters: Of the application.

    Attributes:
        about: The model, described.
        batcher: It, at work.
        limits: Of a request.
        parsing: Entered by who reads a body.
        timeout: s for a request to arrive, and then to be answered.

    Raises:
        InputError: The model cannot be loaded.
    """

    def __init__(self, settings: Settings, counters: Counters) -> None:
        self.counters, self.timeout = counters, settings.timeout
        self.limits = Limits(settings.body_bytes, settings.records)
        predictor = Predictor.from_pretrained(settings.model, settings.device, settings.threads)
        list(predictor.predict(WARM_UP))
        self.about = describe(predictor, settings.model)
        self.batcher = Batcher(predictor, counters.tell)
        self.parsing = asyncio.Semaphore(PARSED_AT_ONCE)
        self._places = settings.requests

    @contextlib.contextmanager
    def place(self) -> Iterator[bool]:
        """Take a place for a request in the block; give whether there is one."""
        is_free = self._places > 0
        self._places -= is_free
        self.counters.in_flight.inc(is_free)
        try:
            yield is_free
        finally:
            self._places += is_free
            self.counters.in_flight.dec(is_free)
