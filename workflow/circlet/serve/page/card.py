"""The card of a model as the page shows it: without what is for machines, in its sections."""

import re
from pathlib import Path

from circlet.files import reading
from circlet.models import CARD

_LINK = re.compile(r"!?\[([^\]\n]*)\]\((?!https?://)[^)\n]*\)")
_IMAGE = re.compile(r"!(?=\[)")


def read_sections(model: Path) -> list[tuple[str, str]]:
    """Read the sections of a model's card.

    A link that leads to a file beside the card leads nowhere from the page, and a picture may have
    to be fetched from elsewhere: of both the words alone are left.

    Args:
        model: Folder of a checkpoint, or a file, which has no card.

    Returns:
        Heading and Markdown of each section; empty if there is no card.

    Raises:
        InputError: It cannot be read.
    """
    path = model / CARD
    if not model.is_dir() or not path.exists():
        return []
    with reading(path):
        text = path.read_text(encoding="utf-8")
    if text.startswith("---\n"):
        *_, text = text.split("---\n", 2)
    text = _IMAGE.sub("", _LINK.sub(r"\1", text))
    _, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    pairs = (section.partition("\n") for section in sections)
    return [(heading.strip(), body.strip()) for heading, _, body in pairs]
