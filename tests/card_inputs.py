"""A small dataset's tables, the dataset card that is made of them, and how the tests read it."""

import hashlib
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd

from circlet.cli import main
from circlet.files import read_json, write_json, write_table
from circlet.tables import CONFOUND_COLUMNS, DATASET_COLUMNS, SUMMARY_COLUMNS

SHA256 = "0123456789abcdef" * 4
TEXTS = ("chrom", "strand", "gene", "gene_id", "biotype", "gene_type", "aliases")


def transcripts(source: str = "circles") -> pd.DataFrame:
    """Four circRNAs, two of them on one gene, four lncRNAs and two hard negatives."""
    common = {"assembly": "hg19", "start": None, "end": None}
    rows = [
        ("c1", source, "circRNA", "GGCC", "chr1", "G1", None, 1),
        ("c2", source, "circRNA", "GGAAAA", "chr1", "G1", None, 2),
        ("c3", source, "circRNA", "AATTGGCC", None, None, None, None),
        ("c4", source, "circRNA", "ATATATATAT", "chr2", "G2", None, 25),
        ("l1", "gencode", "lncRNA", "A" * 20, "chr3", "G3", "lincRNA", 2),
        ("l2", "gencode", "lncRNA", "AC" * 10, "chr3", "G4", "lincRNA", 2),
        ("l3", "gencode", "lncRNA", "ACGT" * 10, "chr4", "G5", "antisense", 3),
        ("l4", "gencode", "lncRNA", "C" * 40, "chr4", None, "antisense", 3),
        ("h1", "exons", "lncRNA", "GGGGGG", "chr5", "G6", "linear_exons", 3),
        ("h2", "exons", "lncRNA", "GGGGAAAA", "chr6", "G7", "linear_exons", 4),
    ]
    names = ("id", "source", "label", "sequence", "chrom", "gene", "biotype", "exon_count")
    table = pd.DataFrame(rows, columns=list(names)).assign(**common)
    placed = table["chrom"].notna()
    table["start"], table["end"] = (pd.Series(x, table.index).where(placed) for x in (100, 200))
    table = table.assign(strand=pd.Series("+", table.index).where(placed))
    table["overlaps_circrna"] = table["id"] == "l1"
    table["both_labels"] = table["coding_gene"] = False
    table["aliases"] = pd.Series("circbase:x").reindex(table.index)
    table = table.reindex(columns=list(DATASET_COLUMNS))
    table["soft_masked"] = table["soft_masked"].astype("Float64")
    integers = dict.fromkeys(("start", "end", "exon_count"), "Int64")
    return table.astype(dict.fromkeys(TEXTS, "string") | integers)


def summary(source: str = "circles") -> pd.DataFrame:
    rows = [
        (source, "circRNA", "records", None, None, 7, None),
        (source, "circRNA", "too_short", None, 2, 5, None),
        (source, "circRNA", "overlaps_circrna", 0, 0, 5, None),
        (source, "circRNA", "both_labels", 1, 1, 4, None),
        ("gencode", "lncRNA", "records", None, None, 6, None),
        ("gencode", "lncRNA", "too_short", None, 1, 5, None),
        ("gencode", "lncRNA", "overlaps_circrna", 1, 0, 5, None),
        ("gencode", "lncRNA", "both_labels", 1, 1, 4, None),
        ("exons", "lncRNA", "records", None, None, 2, None),
        ("exons", "lncRNA", "too_short", None, 0, 2, None),
        ("exons", "lncRNA", "overlaps_circrna", 0, 0, 2, None),
        ("exons", "lncRNA", "both_labels", 0, 0, 2, None),
        ("total", "circRNA", "kept", None, None, 4, 31939),
        ("total", "lncRNA", "kept", None, None, 4, None),
        ("total", "lncRNA", "hard_negatives", None, None, 2, None),
    ]
    types = dict.fromkeys(SUMMARY_COLUMNS[3:], "Int64")
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS)).astype(types)


def split(**others) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "id": ["c1", "c2", "c3", "c4", "l1", "l2", "l3", "l4", "h1", "h2"],
            "group": ["G1", "G1", "homology:c3", "G2", "G3", "G3", "G5", "homology:l4", "G6", "G7"],
            "part": [
                *("train", "train", "validation", "test"),
                *("train", "train", "validation", "test", "hard", "unused"),
            ],
            "fold": [0, 0, 1, 2, 0, 0, 1, 2, 2, 0],
            "fallback": [False, False, True, False, False, False, False, True, False, False],
        }
    )
    return table.assign(**others)


def leakage(scheme: str, share: float, auroc: float) -> list[dict]:
    shares = {"same_gene": share / 2, "overlapping_locus": None, "shared_splice_site": 0.0}
    shares |= {"shared_31mer": share, "identity_80": share / 4}
    sizes = {"groups": 2, "fallback": 1, "n_train": 4, "n_test": 2}
    every = {"memoriser_auroc": auroc, "memoriser_mcc": 0.25}
    none = dict.fromkeys(every)
    labels = {"all": every, "circRNA": none, "lncRNA": none}
    return [{"scheme": scheme, "label": key, **sizes, **shares, **labels[key]} for key in labels]


CONFOUNDS = pd.DataFrame(
    [
        ("gene", "test", "length", 4, 5, 0.641, 0.6, 0.7),
        ("gene", "test", "stop_free_linear", 4, 5, 0.936, 0.919, 0.946),
        ("gene", "test", "boosting", 4, 5, 0.985, 0.982, 0.987),
        ("gene", "matched", "length", 1, 1, 0.497, 0.4, 0.6),
        ("gene", "matched", "stop_free_linear", 1, 1, 0.502, 0.449, 0.558),
        ("gene", "matched", "boosting", 1, 1, 0.698, 0.644, 0.752),
        ("gene", "hard", "boosting", 4, 3, 0.512, None, None),
        ("gene", "hard_taught", "boosting", 4, 3, 0.731, 0.7, 0.76),
        ("random", "test", "stop_free_linear", 4, 5, 0.922, 0.9, 0.94),
    ],
    columns=list(CONFOUND_COLUMNS),
)
SUBSETS = pd.DataFrame(
    [("gene", "matched", "c4"), ("gene", "matched", "l4"), ("random", "low_stop_free", "l4")],
    columns=["scheme", "subset", "id"],
)
SETTINGS = {
    "sources": {
        "circles": {
            "type": "circrnadb",
            "label": "circRNA",
            "assembly": "hg19",
            "urls": ["https://up.example.org/circles.zip"],
        },
        "gencode": {"type": "gencode", "assembly": "hg19", "release": 19, "fasta": "/home/me/a.fa"},
        "exons": {
            "type": "linear_exons",
            "assembly": "hg19",
            "fasta": "/x/e.fa",
            "bed": "/x/e.bed",
        },
    },
    "dataset": {"min_length": 4},
    "split": {"folds": 3},
}
DOWNLOAD = {
    "url": "https://mirror.example.org/up.example.org/circles.zip",
    "requested_urls": ["https://up.example.org/circles.zip"],
    "size": 1234567,
    "sha256": SHA256,
    "retrieved": "2026-01-02T03:04:05+00:00",
    "mirror": True,
}


def write_inputs(folder: Path) -> dict[str, list]:
    """Write the tables of a small dataset under two schemes, and give the flags of its card."""
    write_table(folder / "transcripts.parquet", transcripts())
    write_table(folder / "summary.tsv", summary())
    write_json(folder / "circles.zip.json", DOWNLOAD)
    write_table(folder / "splits/gene.parquet", split())
    by_itself = split(group=split()["id"], fallback=False)
    write_table(folder / "splits/random.parquet", by_itself)
    audit = leakage("random", 0.875, 0.9) + leakage("gene", 0.0625, 0.53)
    write_table(folder / "leakage.tsv", pd.DataFrame(audit))
    write_table(folder / "confounds.tsv", CONFOUNDS)
    write_table(folder / "subsets.parquet", SUBSETS)
    write_json(folder / "settings.json", SETTINGS)
    return {
        "--transcripts": [folder / "transcripts.parquet"],
        "--summary": [folder / "summary.tsv"],
        "--downloads": [folder / "circles.zip.json"],
        "--splits": [folder / "splits/random.parquet", folder / "splits/gene.parquet"],
        "--leakage": [folder / "leakage.tsv"],
        "--confounds": [folder / "confounds.tsv"],
        "--subsets": [folder / "subsets.parquet"],
        "--settings": [folder / "settings.json"],
        "--title": ["Small"],
        "--markdown": [folder / "card/card.md"],
        "--html": [folder / "card/card.html"],
        "--datasheet": [folder / "card/datasheet.json"],
        "--figure-dir": [folder / "card/figures"],
    }


def call(flags: dict[str, list]) -> int:
    return main(["card", *(str(word) for flag in flags for word in (flag, *flags[flag]))])


def make(flags: dict[str, list]) -> tuple[str, str, dict]:
    """Make the card and give its Markdown, HTML and datasheet."""
    assert call(flags) == 0
    texts = [flags[flag][0].read_text(encoding="utf-8") for flag in ("--markdown", "--html")]
    return *texts, read_json(flags["--datasheet"][0])


@dataclass(frozen=True)
class Card:
    """A card of the small dataset: the folder of its inputs, and what it says."""

    folder: Path
    markdown: str
    html: str
    sheet: dict


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows_of(markdown: str, *first: str) -> list[list[str]]:
    """The rows of the tables that begin with these cells."""
    lines = [line for line in markdown.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines]
    return [row[len(first) :] for row in rows if tuple(row[: len(first)]) == first]


class Page(HTMLParser):
    """Tags, ids, addresses that are loaded, links and the text of a page."""

    VOID = ("meta", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.tags, self.ids, self.loaded, self.links = [], [], [], [], []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.loaded += [found["src"]] if "src" in found else []
        self.links += [found["href"]] if "href" in found else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
