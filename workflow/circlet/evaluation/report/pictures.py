"""The pictures that the report page carries within itself, read and made small enough."""

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from circlet.errors import InputError
from circlet.evaluation.figures import FIGURES
from circlet.files import read_table, reading
from circlet.pages import data_uri
from circlet.tables import EXPLANATION_COLUMNS, records_of

MORE_FIGURES = ("strata", "learning")  # of a run, where they are there
EXPLANATION = "explanation"  # folder beside them
# All pictures of single calls together, as they lie on the disk: a third more in the page.
CALLS_BYTES = 2_000_000
CALL_BYTES = 30 * 1024  # of one, at the most
SHARP_BYTES = 32 * 1024  # a figure up to this size stays as it is
MOST_PIXELS, QUALITY = 1400, 60  # of one that is made smaller; a page shows it 1,000 wide
STRONGEST = 8  # k-mers shown that raise the score, and as many that lower it
WORD = 6  # nt: the k-mers that are shown
KMER_COLUMNS = (
    *("k", "kmer", "n", "transcripts", "mean_attribution", "standard_error", "is_common"),
)


def picture_of(folder: Path, name: str) -> str | None:
    """A figure as a data URI: as SVG, or as PNG where that is smaller; None if it is not there.

    A large one is made smaller: text drawn in a hundred rows makes more than a megabyte. The whole
    figure is the file beside the page.
    """
    found = []
    for kind in ("svg", "png"):
        path = folder / f"{name}.{kind}"
        if path.exists():
            with reading(path):
                found.append((path.read_bytes(), kind))
    if not found:
        return None
    content, kind = min(found, key=_size)
    if len(content) > SHARP_BYTES and found[-1][1] == "png":
        content, kind = min((shrink(found[-1][0]), "webp"), (content, kind), key=_size)
    return data_uri(content, kind)


def _size(picture: tuple[bytes, str]) -> int:
    """Bytes of a picture and its kind."""
    return len(picture[0])


def shrink(picture: bytes) -> bytes:
    """Turn a PNG into a WebP that is at most `MOST_PIXELS` wide, the same bytes each time."""
    with Image.open(io.BytesIO(picture)) as image:
        flat = image.convert("RGB")
    if flat.width > MOST_PIXELS:
        height = round(flat.height * MOST_PIXELS / flat.width)
        flat = flat.resize((MOST_PIXELS, height), Image.Resampling.LANCZOS)
    made = io.BytesIO()
    flat.save(made, "webp", quality=QUALITY, method=6)
    return made.getvalue()


def load_figures(folders: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Read the figures of each run as data URIs, by the name of their folder.

    Returns:
        Run: `FIGURES`, and those of `MORE_FIGURES` that are there.

    Raises:
        InputError: A figure of `FIGURES` is missing, or two folders bear one name.
    """
    found: dict[str, dict[str, str]] = {}
    for folder in folders:
        name = folder.resolve().name
        if name in found:
            raise InputError(folder, "a second folder of this name", "give each run's folder once")
        pictures = {figure: picture_of(folder, figure) for figure in (*FIGURES, *MORE_FIGURES)}
        for figure in FIGURES:
            if pictures[figure] is None:
                raise InputError(folder / f"{figure}.svg", "no such file", "draw it again")
        found[name] = {figure: address for figure, address in pictures.items() if address}
    return found


def load_explanations(folders: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Read what `circlet explain` found for each run that it was asked of.

    Args:
        folders: Of the runs' evaluation; an explanation is a folder within.

    Returns:
        Run: `calls` (rows of the index, as many with a `picture` as the page has room for),
        `picture` of the tables over many, `raising` and `lowering` (k-mers), and `sanity` (the
        mean of the correlations with shuffled weights; None where nothing was explained).

    Raises:
        InputError: A file of an explanation is missing or is none.
    """
    explained = [folder for folder in folders if (folder / EXPLANATION / "index.tsv").exists()]
    most = CALLS_BYTES // (CALL_BYTES * max(1, len(explained)))
    return {folder.resolve().name: _explanation(folder / EXPLANATION, most) for folder in explained}


def _explanation(folder: Path, most: int) -> dict[str, Any]:
    """Read one explanation; at most `most` of its calls come with a picture."""
    calls = _records(read_table(folder / "index.tsv", EXPLANATION_COLUMNS))
    for call in calls[:most]:
        path = folder / f"{call['stem']}.page.webp"
        with reading(path):
            call["picture"] = data_uri(path.read_bytes(), "webp")
    kmers = read_table(folder / "kmers.tsv", KMER_COLUMNS)  # the surest that raise it first
    words = kmers[(kmers["k"] == WORD) & kmers["is_common"]]
    sanity = folder / "sanity.tsv"
    correlations = read_table(sanity, ("rho", "rho_absolute")) if sanity.exists() else None
    return {
        "calls": calls,
        "picture": picture_of(folder, "global"),
        "raising": _records(words[words["mean_attribution"] > 0].head(STRONGEST)),
        "lowering": _records(words[words["mean_attribution"] < 0].tail(STRONGEST)[::-1]),
        "sanity": None
        if correlations is None or correlations.empty
        else correlations[["rho", "rho_absolute"]].mean().to_dict(),
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table, None for what is missing."""
    return records_of(table.astype(object).where(table.notna(), None))


def find_calls(
    calls: Sequence[Mapping[str, Any]], mistakes: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Put what is known of a transcript beside its explanation, the mistakes alone.

    Args:
        calls: Of an explanation.
        mistakes: Rows of the run's mistakes, of the same part.
    """
    known = {mistake["id"]: mistake for mistake in mistakes}
    return [
        {**known[call["id"]], **call}
        for call in calls
        if call["kind"] == "mistake" and call["id"] in known
    ]
