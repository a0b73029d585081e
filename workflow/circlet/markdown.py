"""Templates of Markdown, in which every text is shown letter by letter."""

import re
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

# What Markdown, or HTML within it, would take for more than a letter. An underscore within a word
# is none of these.
_MARKUP = re.compile(r"[\\`*\[\]<>|&~#$]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")


class Markdown(str):
    """Text that is Markdown already, such as a block of code: it is not escaped."""


def plain(value: Any) -> Any:
    """Text as Markdown that shows it letter by letter, on one line.

    Other values stay as they are, and so does `Markdown`.
    """
    if not isinstance(value, str) or isinstance(value, Markdown):
        return value
    return _MARKUP.sub(lambda found: f"\\{found.group()}", " ".join(value.split()))


def markdown_environment(package: str) -> Environment:
    """Templates of a package, and those that all share.

    Names and paths are a user's: every text is escaped, by whatever expression it comes.

    Args:
        package: Package with a folder `templates` of its own.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("circlet")]),
        finalize=plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
