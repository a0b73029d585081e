"""What is counted for Prometheus."""

import os
from pathlib import Path
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from circlet.serve.batching import Batch

OF_PROCESSES = "PROMETHEUS_MULTIPROC_DIR"  # where several workers count, by the library's own name
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Counters(NamedTuple):
    """The counters of one application."""

    registry: CollectorRegistry
    requests: Counter
    seconds: Histogram
    in_flight: Gauge
    sequences: Counter
    nucleotides: Counter
    batch_requests: Histogram
    batch_seconds: Histogram

    def tell(self, batch: Batch) -> None:
        """Count a batch."""
        self.batch_requests.observe(batch.requests)
        self.batch_seconds.observe(batch.seconds)
        self.nucleotides.inc(sum(each.length for each in batch.predictions))
        for each in batch.predictions:
            self.sequences.labels(each.call or "none").inc()

    def expose(self) -> bytes:
        """Write all counters, of all workers, in Prometheus' text format."""
        registry = self.registry
        if os.environ.get(OF_PROCESSES):
            _forget_the_dead(Path(os.environ[OF_PROCESSES]))
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)
        return generate_latest(registry)


def _forget_the_dead(folder: Path) -> None:
    """Remove the gauges of workers that have ended, such as by SIGKILL in the midst of requests."""
    for path in folder.glob("gauge_live*.db"):
        try:
            os.kill(int(path.stem.rpartition("_")[2]), 0)
        except ProcessLookupError:
            path.unlink(missing_ok=True)  # another worker may do so at the same time


def make_counters() -> Counters:
    """Make the counters, each with a registry of its own, so that an application stands alone."""
    registry = CollectorRegistry()
    return Counters(
        registry,
        Counter(
            "circlet_http_requests", "Requests.", ("method", "path", "status"), registry=registry
        ),
        Histogram(
            "circlet_http_request_seconds",
            "Time of a request.",
            ("path",),
            buckets=SECONDS,
            registry=registry,
        ),
        Gauge(
            "circlet_requests_in_flight",
            "Requests for predictions that are not answered yet.",
            multiprocess_mode="livesum",
            registry=registry,
        ),
        Counter(
            "circlet_sequences",
            "Sequences that were classified, by call.",
            ("call",),
            registry=registry,
        ),
        Counter("circlet_nucleotides", "Their length in nt.", registry=registry),
        Histogram(
            "circlet_batch_requests",
            "Requests that were classified at once.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128),
            registry=registry,
        ),
        Histogram("circlet_batch_seconds", "Time of a batch.", buckets=SECONDS, registry=registry),
    )
