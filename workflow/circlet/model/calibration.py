"""From raw scores to probabilities that mean what they say, and the threshold of the call."""

import logging
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

log = logging.getLogger(__name__)

METHODS = ("platt", "isotonic", "temperature", "none")
PARAMETERS = {
    "platt": ("scale", "offset"),
    "isotonic": ("scores", "probabilities"),
    "temperature": ("temperature",),
    "none": (),
}
SAME_SCORE = 1e-6  # relative spread that is but the rounding of fp32
SAME_PROBABILITY = 1e-12  # within a block: the rounding of its mean


@dataclass(frozen=True)
class Calibration:
    """A function from raw scores to probabilities that never falls.

    Attributes:
        method: One of `METHODS`; with a score x, p is sigmoid(`scale` x + `offset`) for platt,
            sigmoid(x / `temperature`) for temperature, sigmoid(x) for none, and for isotonic on the
            straight lines between the points (`scores`, `probabilities`), and level beyond them.
        parameters: What `PARAMETERS` names for the method: numbers, and lists for isotonic.

    Raises:
        ValueError: The method is unknown, or the parameters are not its own or out of range.
    """

    method: str
    parameters: dict[str, Any]

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method {self.method!r} is none of {list(METHODS)}")
        names = PARAMETERS[self.method]
        if not isinstance(self.parameters, dict) or set(self.parameters) != set(names):
            raise ValueError(f"{self.method} takes {list(names)}")
        is_isotonic = self.method == "isotonic"
        for name, value in self.parameters.items():
            numbers = value if is_isotonic else [value]
            if not isinstance(numbers, list) or not all(map(_is_finite, numbers)):
                raise ValueError(f"{name} is not made of finite numbers")
            if name in ("scale", "temperature") and value <= 0:
                raise ValueError(f"{name} is {value}, not above 0")
        if is_isotonic:
            _check_knots(**self.parameters)

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Turn raw scores, shape (n,), float64, into probabilities of a circRNA, likewise."""
        given = self.parameters
        with np.errstate(over="ignore"):  # of what is infinitely sure
            match self.method:
                case "platt":
                    return _sigmoid(given["scale"] * scores + given["offset"])
                case "temperature":
                    return _sigmoid(scores / given["temperature"])
                case "isotonic":
                    found: np.ndarray = np.interp(scores, given["scores"], given["probabilities"])
                    return found
            return _sigmoid(scores)


def _is_finite(value: Any) -> bool:
    """Whether a value read from JSON is a number, and neither infinite nor NaN."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _check_knots(scores: list[float], probabilities: list[float]) -> None:
    """Check the points of an isotonic calibration.

    Raises:
        ValueError: They do not pair, do not ascend, or a probability is not between 0 and 1.
    """
    if not scores or len(scores) != len(probabilities):
        raise ValueError("there are not as many scores as probabilities, or none")
    if (np.diff(scores) <= 0).any() or (np.diff(probabilities) < 0).any():
        raise ValueError("scores and probabilities do not ascend")
    if probabilities[0] <= 0 or probabilities[-1] >= 1:
        raise ValueError("the probabilities are not between 0 and 1")


def _sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow."""
    curve: np.ndarray = np.exp(-np.logaddexp(0, -x))
    return curve


def fit_calibration(method: str, logits: np.ndarray, classes: np.ndarray) -> Calibration:
    """Fit a calibration to scored sequences of known class, held out from the training.

    `platt` is the logistic regression of Platt (1999, Advances in Large Margin Classifiers, 61-74),
    `temperature` its one-parameter form (Guo et al. 2017, ICML, arXiv:1706.04599), `isotonic` the
    pool-adjacent-violators fit of Zadrozny and Elkan (2002, KDD), centred as by Oron and Flournoy
    (2017, Stat. Biopharm. Res. 9:258): a block becomes one point, the mean of its scores, and
    straight lines join the points, so that few scores share a probability. All three are fitted
    to Platt's smoothed targets, not to 0 and 1: nothing runs off to certainty where the scores
    separate the classes.

    Args:
        method: One of `METHODS`.
        logits: Raw scores, shape (n,).
        classes: 0 or 1, shape (n,); both occur.

    Returns:
        The calibration; `none`, with a warning, where the scores are all the same or rank the
        classes no better than upside down, so that there is no slope above 0 to be found.
    """
    logits = np.asarray(logits, dtype=np.float64)
    targets = smoothed_targets(np.asarray(classes))
    if method == "none":
        return Calibration(method, {})
    if method == "isotonic":
        return _fit_isotonic(logits, targets)
    centre = float(logits.mean()) if method == "platt" else 0.0
    spread = float(logits.std())
    if spread <= SAME_SCORE * np.abs(logits).max():
        log.warning("all raw scores are the same: they are not calibrated by %s", method)
        return Calibration("none", {})
    slope, offset = _fit_logistic((logits - centre) / spread, targets, method == "platt")
    scale = slope / spread
    if not scale > 0:
        log.warning("the raw scores do not rise with the class: not calibrated by %s", method)
        return Calibration("none", {})
    if method == "platt":
        return Calibration(method, {"scale": scale, "offset": offset - scale * centre})
    return Calibration(method, {"temperature": 1 / scale})


def smoothed_targets(classes: np.ndarray) -> np.ndarray:
    """Platt's targets: (n₁ + 1) / (n₁ + 2) for class 1, 1 / (n₀ + 2) for class 0; shape (n,)."""
    positives = int(classes.sum())
    negatives = len(classes) - positives
    return np.where(classes == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))


def _fit_logistic(scores: np.ndarray, targets: np.ndarray, has_offset: bool) -> tuple[float, float]:
    """Slope and offset of the logistic curve of the highest likelihood; targets between 0 and 1."""
    from sklearn.linear_model import LogisticRegression  # here: prediction does without it

    # A target t is a row of class 1 with weight t and one of class 0 with weight 1 - t.
    model = LogisticRegression(
        C=np.inf, fit_intercept=has_offset, solver="newton-cholesky", tol=1e-8
    ).fit(
        np.concatenate([scores, scores])[:, None],
        np.repeat([1, 0], len(scores)),
        sample_weight=np.concatenate([targets, 1 - targets]),
    )
    return float(model.coef_[0, 0]), float(np.ravel(model.intercept_)[0])


def _fit_isotonic(scores: np.ndarray, targets: np.ndarray) -> Calibration:
    """Fit the centred isotonic regression; see `fit_calibration`."""
    from sklearn.isotonic import isotonic_regression  # here: prediction does without it

    distinct, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=targets) / counts
    fitted = isotonic_regression(means, sample_weight=counts)
    starts = np.flatnonzero(np.diff(fitted, prepend=-1) > SAME_PROBABILITY)
    totals = np.add.reduceat(distinct * counts, starts)
    ends = np.append(starts[1:], len(distinct)) - 1
    # Clipped, since rounding could put the mean of neighbours beyond them.
    centres = np.clip(totals / np.add.reduceat(counts, starts), distinct[starts], distinct[ends])
    return Calibration(
        "isotonic", {"scores": centres.tolist(), "probabilities": fitted[starts].tolist()}
    )
