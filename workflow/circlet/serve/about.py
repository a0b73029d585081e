"""The model that answers, described for those who ask."""

from pathlib import Path

from circlet import __version__
from circlet.files import sha256_of
from circlet.models import DEFAULT, SHIPPED, figures_of, find_model
from circlet.predict import TREES, Predictor
from circlet.serve.schema import About

MANIFEST = "manifest.json"


def describe(predictor: Predictor, model: str | Path | None) -> About:
    """Describe a model.

    Args:
        predictor: It, loaded.
        model: Where it was loaded from; see `circlet.models.find_model`.

    Raises:
        InputError: Its files cannot be read any more.
    """
    path = find_model(model)
    scores, scored_on = figures_of(path)
    about = predictor.description
    return About(
        circlet=__version__,
        model=DEFAULT if path == SHIPPED else path.resolve().name,
        sha256=sha256_of(path / MANIFEST if path.is_dir() else path),
        members=[*about.names, *([TREES] if about.trees is not None else [])],
        min_length=about.min_length,
        training_lengths=about.reference.lengths.tolist(),
        threshold=about.threshold,
        calibration=about.calibration.method,
        scores=scores,
        scored_on=scored_on,
    )
