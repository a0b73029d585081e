"""How the HTTP API runs: options of `circlet serve`, each of which has an environment variable."""

import argparse
import dataclasses
import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from circlet.arguments import DEVICES, MOST_THREADS

PREFIX = "CIRCLET_"  # of the variables: CIRCLET_PORT stands for --port
OF_WORKERS = "CIRCLET_SERVE_SETTINGS"  # how a worker process gets them
LEVELS = ("debug", "info", "warning", "error")
MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Settings:
    """See the help of `circlet serve`, which has an option for each."""

    model: str | None = None
    device: str = "auto"
    threads: int | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    body_bytes: int = 6 * MIB
    records: int = 10_000
    requests: int = 128
    timeout: float = 55.0
    grace: float = 30.0
    cors_origins: str = ""
    log_level: str = "info"

    def to_environment(self) -> None:
        """Leave the settings to worker processes."""
        os.environ[OF_WORKERS] = json.dumps(dataclasses.asdict(self))

    @classmethod
    def of_environment(cls) -> "Settings":
        """Take what the parent process left."""
        return cls(**json.loads(os.environ[OF_WORKERS]))

    @classmethod
    def of_arguments(cls, args: argparse.Namespace) -> "Settings":
        """Take those of a command line."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: getattr(args, name) for name in names})


def _number(kind: type, least: float, most: float) -> Any:
    """Make the reader of a number within bounds."""

    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {least} to {most}")
        return value

    return read


def _device(text: str) -> str:
    """Read a device: `choices` would not check a default that comes from the environment."""
    if text not in DEVICES:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(DEVICES)}")
    return text


def _level(text: str) -> str:
    """Read how much is logged."""
    if text.lower() not in LEVELS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(LEVELS)}")
    return text.lower()


def _origins(text: str) -> str:
    """Read origins as browsers write them: one with a path or a slash would never be met."""
    for origin in filter(None, map(str.strip, text.split(","))):
        if origin != "*" and not re.fullmatch(r"https?://[^/?#*\s]+", origin):
            problem = "is no origin, such as https://lab.example without a path"
            raise argparse.ArgumentTypeError(f"{origin!r} {problem}")
    return text


# Of each setting, how its text is read and what it says.
OPTIONS: dict[str, tuple[Callable[[str], Any], str]] = {
    "model": (str, "checkpoint folder or ONNX file; by default the model that ships with circlet"),
    "device": (_device, f"where to compute: {', '.join(DEVICES)}"),
    "threads": (_number(int, 1, MOST_THREADS), "of one operation, in each worker"),
    "host": (str, "address to listen on; 0.0.0.0 for all"),
    "port": (_number(int, 0, 65535), "to listen on; 0 takes a free one"),
    "workers": (_number(int, 1, 64), "processes, each with a model of its own"),
    "body_bytes": (_number(int, 1, 1 << 30), "largest body of a request"),
    "records": (_number(int, 1, 10**6), "most sequences of a request"),
    "requests": (_number(int, 1, 10**5), "that a worker takes at once; a further one meets 429"),
    "timeout": (_number(float, 0.1, 3600), "s for a request to arrive, and then to be answered"),
    "grace": (_number(float, 0, 3600), "s in which requests are still answered after SIGTERM"),
    "cors_origins": (_origins, "comma list of origins whose pages may call; none by default"),
    "log_level": (_level, f"{', '.join(LEVELS)}; probes are told at debug"),
}


def add_options(
    parser: argparse.ArgumentParser, environment: Mapping[str, str] = os.environ
) -> None:
    """Add an option for each setting, whose default is its environment variable, if that is set."""
    defaults = dataclasses.asdict(Settings())
    for name, (read, text) in OPTIONS.items():
        default = environment.get(PREFIX + name.upper(), defaults[name])
        option = "--" + name.replace("_", "-")
        parser.add_argument(option, type=read, default=default, help=text, metavar="X")
