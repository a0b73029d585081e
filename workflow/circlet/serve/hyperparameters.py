"""Hyperparameters of a training job: settings of a run in `config.yaml`, where their defaults are.

Each is told by its whole name, such as `network.width`, or by the last word of it where no other
setting has that: `width`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from circlet.errors import InputError

CONFIG = "config.yaml"
SECTIONS = ("vocabulary", "network", "training")  # of a run: their settings are a step's options
OF_RUN = ("seeds", "boosting", "calibration")
MIN_LENGTH = "dataset.min_length"


def find_config() -> Path:
    """Find the config: beside the package in what is packed, above it in the repository.

    Raises:
        InputError: It is in neither place.
    """
    for folder in Path(__file__).resolve().parents[2:4]:
        if (folder / CONFIG).is_file():
            return folder / CONFIG
    mend = "use a copy of the repository, or what 'circlet package-training' makes there"
    raise InputError(CONFIG, "is not beside the package", mend)


def read_defaults(path: Path) -> dict[str, Any]:
    """Read the settings of a config's first run, by their whole names.

    Raises:
        InputError: The file is missing, or no config with runs.
    """
    import yaml

    from circlet.files import reading

    try:
        with reading(path):
            config = yaml.safe_load(path.read_text(encoding="utf-8"))
        run = _with_base(config["runs"], config["run"][0])
        defaults = {name: run[name] for name in OF_RUN}
        defaults[MIN_LENGTH] = config["dataset"]["min_length"]
        for section in SECTIONS:
            defaults |= {f"{section}.{name}": value for name, value in run[section].items()}
    except (yaml.YAMLError, KeyError, IndexError, TypeError, AttributeError):
        raise InputError(path, "not a config with a run", "restore it") from None
    return defaults


def _with_base(runs: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Give a run with the settings of the run that it is based on."""
    run: dict[str, Any] = runs[name]
    if run.get("base") is None:
        return run
    merged = dict(_with_base(runs, run["base"]))
    for key, value in run.items():
        merged[key] = {**merged[key], **value} if isinstance(value, dict) else value
    return merged


def read_settings(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Put hyperparameters in the place of defaults.

    The type and range of a step's option are checked by the step.

    Args:
        given: Hyperparameters; `seeds` may be one number.
        defaults: As of `read_defaults`.

    Returns:
        Every setting by its whole name.

    Raises:
        InputError: One is no setting, or its name is that of several; or what no step checks is
            out of range.
    """
    settings = {**defaults, **{_whole_name(name, defaults): given[name] for name in given}}
    seeds = settings["seeds"] = _as_list(settings["seeds"])
    if not seeds or len(set(map(str, seeds))) < len(seeds):
        raise _refusal("seeds", f"is {seeds}", "give different whole numbers, such as [1, 2, 3]")
    if not isinstance(settings["boosting"], bool):
        raise _refusal("boosting", f"is {settings['boosting']!r}", "give true or false")
    return settings


def _whole_name(name: str, known: Mapping[str, Any]) -> str:
    """Find the setting that a hyperparameter names; see `read_settings`."""
    found = [whole for whole in known if name in (whole, whole.rpartition(".")[2])]
    if not found:
        names = sorted({whole.rpartition(".")[2] for whole in known})
        raise _refusal(name, "there is no such setting", f"choose of {', '.join(names)}")
    if len(found) > 1:
        raise _refusal(name, "two settings have this name", f"give {' or '.join(found)}")
    return found[0]


def _as_list(value: Any) -> list[Any]:
    """Give a value that may stand for a list of one."""
    return value if isinstance(value, list) else [value]


def _refusal(name: str, problem: str, mend: str) -> InputError:
    """Make the error that names a hyperparameter."""
    return InputError("hyperparameters", problem, mend, name)


def options(settings: Mapping[str, Any], section: str) -> list[str]:
    """Give the settings of a section as options of its step, which bear their names."""
    words = []
    for whole, value in sorted(settings.items()):
        of, _, name = whole.rpartition(".")
        option = name.replace("_", "-")
        if of == section and isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{option}")
        elif of == section and value is not None:
            words += [f"--{option}", str(value)]
    return words
