"""A training whose loss is no longer a number ends, and tells with which sequences."""

import logging
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from circlet.errors import InputError

log = logging.getLogger(__name__)

SHOWN = 3  # ids in the one line of the error


def find_divergence(losses: Sequence[Tensor]) -> tuple[int, float] | None:
    """Find the first loss that is no finite number; an accelerator finishes them here.

    Returns:
        Its place, counted from the end: -1 is the last; and the loss. None if all are numbers.
    """
    values = torch.stack(list(losses)).tolist() if losses else []
    wrong = (place for place, value in enumerate(values) if not math.isfinite(value))
    place = next(wrong, None)
    return None if place is None else (place - len(values), values[place])


def diverged(place: str, problem: str, ids: list[str]) -> InputError:
    """Make the error of a loss that is no number; the log gets all ids, the error the first."""
    log.warning("%s: %s with the sequences %s", place, problem, ids)
    others = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    told = f"{problem} with the sequences {ids[:SHOWN]}{others}"
    return InputError("training", told, "lower learning_rate, or look at them", place)
