"""Tell circular RNAs from other long non-coding RNAs by sequence."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from circlet.predict import Predictor

__version__ = "0.1.0"
__all__ = ["Predictor", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the predictor when it is asked for, so that `import circlet` stays quick."""
    if name != "Predictor":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from circlet.predict import Predictor

    return Predictor


def __dir__() -> list[str]:
    """Name the predictor too."""
    return sorted({*globals(), *__all__})
