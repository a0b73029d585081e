"""What the cards are built of, whether they are written as Markdown or as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table to show.

    Attributes:
        caption: What it holds.
        columns: Headings.
        rows: Cells as text; the first is the row's heading, and an address becomes a link.
        words: Columns that hold words and not numbers.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[int] = (0,)


@dataclass(frozen=True)
class Section:
    """A section of the card: sentences, points, pictures, tables and notes, in this order.

    Attributes:
        id: Name to link to.
        title: Heading.
        sentences: Paragraphs.
        points: Paragraphs of a list.
        tables: Tables.
        notes: Small print.
        has_pictures: Whether the pictures are shown here.
    """

    id: str
    title: str
    sentences: Sequence[str] = ()
    points: Sequence[str] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    has_pictures: bool = False
