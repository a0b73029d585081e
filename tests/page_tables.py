"""The tables of a page as text, by the ids of their captions."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class ShownTable:
    """What a table shows.

    Attributes:
        heads: Headings of the columns.
        rows: Texts of the cells of each row, that of its heading first.
        sources: Files named below it.
    """

    heads: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)


class Tables(HTMLParser):
    """Collects the tables of a page, and the files that are named below each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, ShownTable] = {}
        self.table: ShownTable | None = None
        self.is_head = self.is_source = False
        self.text: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a table, row, cell or source."""
        told = dict(attrs)
        if tag == "caption":
            self.table = self.found.setdefault(told["id"], ShownTable())
        elif tag in ("thead", "tbody"):
            self.is_head = tag == "thead"
        elif tag == "tr" and not self.is_head:
            self.table.rows.append([])
        elif tag == "p":
            self.is_source = told.get("class") == "source"
        elif tag in ("th", "td") or (tag == "code" and self.is_source):
            self.text = []

    def handle_data(self, data: str) -> None:
        """Keep what stands in a cell."""
        if self.text is not None:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Keep a cell or source that ends."""
        self.is_source = self.is_source and tag != "p"
        if self.text is None or tag not in ("th", "td", "code"):
            return
        text = " ".join("".join(self.text).split())
        if tag == "code" and self.is_source and self.table is not None:
            self.table.sources.append(text)
        elif tag in ("th", "td"):
            (self.table.heads if self.is_head else self.table.rows[-1]).append(text)
        else:
            return
        self.text = None


def tables_of(text: str) -> dict[str, ShownTable]:
    """The tables of a page, by the ids of their captions."""
    return Tables(text).found
