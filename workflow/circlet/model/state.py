"""The state of a training on disk: what a killed one goes on from, to the same end."""

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from circlet.files import atomic_path, sha256_of
from circlet.model.trainer import Sums, Trainer, refuse_divergence
from circlet.termination import Notice, leave

log = logging.getLogger(__name__)

NAME = "state.safetensors"
FACTS = "training"  # key of the file's header
# What a kill within a save leaves: our unfinished file, and that of safetensors itself.
REMAINS = (f".*.{NAME}", ".tmp??????")


def fingerprint(files: Sequence[str | Path], **settings: Any) -> str:
    """Name all that decides how a training ends, so that no state of another is gone on from.

    Args:
        files: Its inputs; their content counts.
        settings: What else, as JSON can tell it.

    Returns:
        SHA-256 of them and of the code beside this module, as hexadecimal digits.
    """
    code = sorted(Path(__file__).parent.glob("*.py"))
    sums = [sha256_of(path) for path in [*files, *code]]
    told = json.dumps([sums, settings], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


@dataclass
class Keeper:
    """Keeps the state of a training in one file, which appears and changes at once.

    Random numbers need no place in it: they are seeded by the epoch and the batch.

    Attributes:
        folder: Where the file is.
        fingerprint: Of the training.
        every: Seconds between two saves within an epoch.
        last: `time.monotonic()` at the last one.
        notice: Whether the process is asked to end.
    """

    folder: Path
    fingerprint: str
    every: float
    last: float = field(default_factory=time.monotonic)
    notice: Notice = field(default_factory=Notice)

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / NAME

    def keep(self, trainer: Trainer, must: bool = False) -> None:
        """Save the state if it is time to, or has to be; and leave with it if that is asked for.

        Raises:
            InputError: See `save`.
            SystemExit: The first process was asked to end. All leave together, and none before the
                state is saved: if one is missing, the others wait for it and fail.
        """
        if must or time.monotonic() - self.last >= self.every:
            self.save(trainer)
        if not trainer.ranks.decide(self.notice.came):
            return
        self.save(trainer)
        log.info(
            "%s: saved in epoch %d after step %d, since SIGTERM came; start again to go on from it",
            self.path,
            len(trainer.epochs) + 1,
            trainer.sums.steps,
        )
        trainer.ranks.decide(True)
        leave()

    def save(self, trainer: Trainer) -> None:
        """Save the state.

        Raises:
            InputError: There is nothing to go on from since the loss is no longer a number, or the
                file cannot be written.
        """
        if not trainer.ranks.is_first:
            return
        refuse_divergence(trainer)
        facts = {
            "fingerprint": self.fingerprint,
            "steps": trainer.steps,
            "seconds": trainer.seconds,
            "epochs": trainer.epochs,
            "sums": asdict(trainer.sums) | {"loss": None},  # a tensor, which JSON might round
        }
        with atomic_path(self.path) as temporary:
            save_file(_tensors(trainer), temporary, {FACTS: json.dumps(facts)})
        self.last = time.monotonic()

    def recall(self, trainer: Trainer) -> None:
        """Go on from the state, if there is one of this training."""
        if trainer.ranks.is_first:
            self._tidy()
        kept = trainer.ranks.broadcast(self._read() if trainer.ranks.is_first else None)
        if kept is None:
            return
        _restore(trainer, *kept)
        log.info(
            "%s: going on from epoch %d, step %d, after %.1f minutes",
            self.path,
            len(trainer.epochs) + 1,
            trainer.sums.steps,
            trainer.before / 60,
        )

    def _read(self) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Read facts and tensors; None if there is no use in them."""
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                facts = json.loads(file.metadata()[FACTS])
                # Cloned: what the library gives may lie in the file itself.
                tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s: damaged (%s); the training begins anew", self.path, error)
            return None
        if facts["fingerprint"] != self.fingerprint:
            log.warning(
                "%s: of other settings, data or software; the training begins anew", self.path
            )
            return None
        return facts, tensors

    def forget(self) -> None:
        """Delete the state, and what kills left of unfinished ones."""
        self.path.unlink(missing_ok=True)
        self._tidy()
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _tidy(self) -> None:
        """Delete what kills left."""
        for pattern in REMAINS:
            for path in self.folder.glob(pattern):
                path.unlink()


def _tensors(trainer: Trainer) -> dict[str, Tensor]:
    """Collect all tensors of a training under names of their own."""
    moments = trainer.optimizer.state_dict()["state"]
    groups = {
        "network": trainer.network.state_dict(),
        "average": trainer.average.state_dict() if trainer.average is not None else {},
        "best": trainer.best or {},
        "optimizer": {
            f"{index}.{name}": value
            for index, values in moments.items()
            for name, value in values.items()
        },
        "sums": {"loss": torch.as_tensor(trainer.sums.loss)},
    }
    return {
        f"{group}.{name}": value.contiguous()
        for group, values in groups.items()
        for name, value in values.items()
    }


def _restore(trainer: Trainer, facts: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Put a trainer where the state was."""
    groups: dict[str, dict[str, Tensor]] = {"average": {}, "best": {}, "optimizer": {}}
    for path, value in tensors.items():
        group, name = path.split(".", 1)
        groups.setdefault(group, {})[name] = value
    trainer.network.load_state_dict(groups["network"])
    if trainer.average is not None:
        trainer.average.load_state_dict(groups["average"])
    trainer.best = groups["best"] or None
    moments: dict[int, dict[str, Tensor]] = {}
    for path, value in groups["optimizer"].items():
        index, name = path.split(".", 1)
        moments.setdefault(int(index), {})[name] = value
    settings = trainer.optimizer.state_dict()["param_groups"]
    trainer.optimizer.load_state_dict({"state": moments, "param_groups": settings})
    loss = groups["sums"]["loss"].to(trainer.device)
    trainer.sums = Sums(**facts["sums"] | {"loss": loss})
    trainer.steps, trainer.epochs = facts["steps"], facts["epochs"]
    trainer.before, trainer.started = facts["seconds"], time.monotonic()
