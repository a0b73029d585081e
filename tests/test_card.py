import hashlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from circlet.cli import main
from circlet.data.card.card import plain
from circlet.data.card.datasheet import describe_sources, measure, quantiles
from circlet.data.card.figures import PICTURES, draw, exon_label, histogram
from circlet.data.card.words import heading, listed, name_class
from circlet.drawing import svg_of
from circlet.files import read_json, read_table, write_json, write_table
from circlet.pages import DASH
from circlet.tables import CONFOUND_COLUMNS, DATASET_COLUMNS, SUMMARY_COLUMNS

NASTY = '<script>alert("x")</script>|*a*[b](javascript:c)'
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


@pytest.fixture
def flags(tmp_path) -> dict[str, list]:
    return write_inputs(tmp_path)


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


@pytest.fixture(scope="module")
def card(tmp_path_factory) -> Card:
    folder = tmp_path_factory.mktemp("card")
    return Card(folder, *make(write_inputs(folder)))


def rows_of(markdown: str, *first: str) -> list[list[str]]:
    """The rows of the tables that begin with these cells."""
    lines = [line for line in markdown.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines]
    return [row[len(first) :] for row in rows if tuple(row[: len(first)]) == first]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


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


def test_markdown_tells_the_numbers_of_the_tables(card):
    text = card.markdown
    assert "# Dataset card: Small\n" in text
    assert "4 circRNAs (label 1) and 4 lncRNAs (label 0). Beside them stand 2 hard" in text
    assert "Together they have 162 nt. The circRNAs come from circles (4)" in text
    assert "Their places refer to the assembly hg19." in text
    assert (
        "The median length of the circRNAs is 7 nt (half of them lie between 6 and 8 nt), "
        "their median number of exons 2 where it is known (3 of 4)."
    ) in text
    assert rows_of(text, "transcripts.parquet") == [
        [DASH, sha256(card.folder / "transcripts.parquet")]
    ]
    assert rows_of(text, "gene.parquet") == [["gene", sha256(card.folder / "splits/gene.parquet")]]
    assert rows_of(text, "circles", "circRNA")[0] == ["circRNADb", "hg19", DASH, "7", "4"]
    assert rows_of(text, "circles", "circles.zip") == [
        ["1,234,567", SHA256, "https://up.example.org/circles.zip"]
    ]
    assert rows_of(text, "circles", "circRNA")[1] == ["7", "2", "0", "1", "4", DASH]
    assert rows_of(text, "exons", "hard negatives")[1] == ["2", "0", "0", "0", "2", DASH]
    assert rows_of(text, "total", "circRNA") == [[DASH] * 4 + ["4", "31,939"]]
    assert "Of 15 records 10 are kept. 1 of these stand for more than one record" in text
    assert rows_of(text, "overlaps a circRNA")[0][:4] == ["1", "0", "1", "overlaps_circrna"]
    assert rows_of(text, "both labels")[0][:3] == ["2", "2", "0"]
    assert rows_of(text, "lincRNA") == [["lncRNAs", "2"]]
    assert rows_of(text, "linear_exons") == [["hard negatives", "2"]]


def test_markdown_tells_quantiles_in_units(card):
    text = card.markdown
    assert rows_of(text, "circRNAs", "length, nt") == [["4", "4", "4", "6", "7", "8", "10", "10"]]
    assert rows_of(text, "lncRNAs", "GC content, %")[0][4] == "50.0"
    assert rows_of(text, "circRNAs", "exons") == [
        ["3", "1", "1.1", "1.5", "2", "13.5", "22.7", "25"]
    ]
    assert (
        "![Length, nt: share of the transcripts of each class; medians: circRNAs 7, lncRNAs 30, "
        "hard negatives 7.](figures/length.svg)"
    ) in text


def test_markdown_tells_splits_leakage_and_confounds(card):
    text = card.markdown
    assert rows_of(
        text, "gene", "transcripts of one host gene, and of genes at the same locus"
    ) == [["8", "2", "2", "3"]]
    assert rows_of(text, "gene", "train") == [["2", "2", "0", "2"]]
    assert rows_of(text, "gene", "hard (hard negatives of the test groups)") == [
        ["0", "0", "1", "1"]
    ]
    assert "fall back to their group of similar sequences: 2 (gene)." in text
    assert rows_of(text, "random", "all") == [
        ["4", "2", "43.8 %", DASH, "0.0 %", "87.5 %", "21.9 %", "0.900", "0.250"]
    ]
    assert rows_of(text, "random", "lncRNA")[0][-2:] == [DASH, DASH]
    assert "- random: 87.5 % of 2 test sequences have a relative in training by the widest" in text
    assert "scheme gene the single property that separates best is: longest stop-free" in text
    assert f"0.936 (0.919{DASH}0.946) on 4 circRNAs and 5 lncRNAs" in text
    assert "In the matched subset (1 circRNA and 1 lncRNA) that property is left with 0.502" in text
    assert rows_of(text, "length") == [
        [f"0.641 (0.600{DASH}0.700)", f"0.497 (0.400{DASH}0.600)", DASH]
    ]
    assert rows_of(text, "gene", "matched subset") == [["1", "1", "0.497", "0.502", DASH, "0.698"]]
    assert rows_of(text, "gene", "hard negatives") == [["4", "3", DASH, DASH, DASH, "0.512"]]
    assert rows_of(text, "random", "test part") == [["4", "5", DASH, "0.922", DASH, DASH]]


def test_limits_are_computed(card):
    text = card.markdown.partition("## Known limits")[2].partition("##")[0]
    assert (
        f"AUROC of 0.936 (0.919{DASH}0.946) under the scheme gene. Against exons of linear" in text
    )
    assert "boosting over simple descriptors, taught on lncRNAs, is left with 0.512." in text
    assert "A random split leaks: 87.5 % of its test sequences have a relative in training" in text
    assert "fewest has gene, with 6.2 % of one label by the widest one." in text
    assert "1 of 4 lncRNAs overlap a circRNA on the same strand and are kept." in text
    assert (
        "Of 10 transcripts 2 (20.0 %) tell no gene: 1 circRNA and 1 lncRNA; 1 (10.0 %) tell no "
        "place: 1 circRNA."
    ) in text
    assert "The test parts are small: 2 (random) and 2 (gene) transcripts." in text
    assert "here are 4 of 31,939 circRNAs that were reported." in text
    assert "50.0 % of both classes are circRNAs" in text
    assert "No source marks repeats by lower case" in text


def test_datasheet_holds_every_number(card):
    sheet = card.sheet
    table = measure(transcripts())
    assert sheet["transcripts"] == {
        "file": "transcripts.parquet",
        "sha256": sha256(card.folder / "transcripts.parquet"),
        "transcripts": 10,
        "nucleotides": 162,
        "merged": 1,
        "soft_masked_known": 0,
    }
    for name, rows in table.groupby("class"):
        found = sheet["classes"][name]
        assert found["transcripts"] == len(rows)
        assert found["nucleotides"] == rows["length"].sum()
        assert found["length"]["median"] == rows["length"].median()
        assert found["gc"]["q05"] == pytest.approx(rows["gc"].quantile(0.05), abs=1e-6)
        assert found["exon_number"]["max"] == rows["exon_number"].max()
        assert found["without_gene"] == (~rows["has_gene"]).sum()
        assert found["without_place"] == (~rows["has_place"]).sum()
    assert sheet["counts"] == [
        {"source": "circles", "class": "circRNA", "transcripts": 4},
        {"source": "gencode", "class": "lncRNA", "transcripts": 4},
        {"source": "exons", "class": "hard_negatives", "transcripts": 2},
    ]
    kept = [row["remaining"] for row in sheet["steps"]]
    assert kept == summary()["remaining"].tolist()
    assert sheet["steps"][0]["removed"] is None
    assert repr(sheet["steps"][-3]["reference"]) == "31939"
    assert sheet["flags"][0] == {
        "flag": "overlaps_circrna",
        "flagged": 1,
        "removed": 0,
        "in_dataset": 1,
    }
    assert sheet["subsets"] == [
        {"scheme": "gene", "subset": "matched", "circRNA": 1, "lncRNA": 1},
        {"scheme": "random", "subset": "low_stop_free", "circRNA": 0, "lncRNA": 1},
    ]
    assert sheet["settings"] == {"dataset": {"min_length": 4}, "split": {"folds": 3}}


def test_datasheet_holds_splits_leakage_and_confounds(card):
    sheet = card.sheet
    gene = dict(sheet["splits"][1])
    parts = gene.pop("parts")
    assert gene == {
        "scheme": "gene",
        "file": "gene.parquet",
        "sha256": sha256(card.folder / "splits/gene.parquet"),
        "groups": 8,
        "largest_group": 2,
        "fallback": 2,
        "folds": 3,
    }
    by_part = split().groupby("part")
    assert {part["part"]: part["transcripts"] for part in parts} == by_part.size().to_dict()
    assert {part["part"]: part["groups"] for part in parts} == by_part["group"].nunique().to_dict()
    assert parts[0]["circRNA"] == parts[0]["lncRNA"] == 2
    confounds = CONFOUNDS.astype(object).where(CONFOUNDS.notna(), None).to_dict("records")
    assert sheet["confounds"] == confounds
    assert sheet["leakage"] == leakage("random", 0.875, 0.9) + leakage("gene", 0.0625, 0.53)


def test_sources_tell_no_path_and_no_time(card):
    circles, gencode, exons = card.sheet["sources"]
    assert circles["downloads"] == [
        {
            "file": "circles.zip",
            "address": "https://up.example.org/circles.zip",
            "mirror": True,
            "size": 1234567,
            "sha256": SHA256,
        }
    ]
    # What comes of a file of the user's is of no release.
    assert (gencode["release"], gencode["urls"], gencode["files"]) == (None, [], ["a.fa"])
    assert exons["files"] == ["e.fa", "e.bed"]
    everything = card.markdown + card.html + json.dumps(card.sheet)
    for hidden in ("/home/me", "mirror.example.org", "2026-01-02"):
        assert hidden not in everything
    assert "Files came through a mirror" in card.markdown
    assert "exons was read from e.fa and e.bed, named in the config." in card.markdown


def test_citations_are_those_of_the_sources(flags, tmp_path):
    markdown, html, sheet = make(flags)
    names = [work["name"].partition(" ")[0] for work in sheet["citations"]]
    assert names == ["circRNADb", "GENCODE", "MMseqs2", "Snakemake"]
    assert "<https://doi.org/10.1038/srep34985>" in markdown
    assert '<a href="https://doi.org/10.1038/srep34985">doi:10.1038/srep34985</a>' in html
    assert sheet["citations"][0]["terms"].startswith("No explicit licence text is known")
    demo = {"circles": {"type": "fasta", "file": "../workflow/demo/circrnas.chr21.fa"}}
    write_json(tmp_path / "settings.json", {"sources": demo})
    names = [work["name"].partition(" ")[0] for work in make(flags)[2]["citations"]]
    assert names == ["CIRCexplorer", "MMseqs2", "Snakemake"]


def test_intervals_of_few_groups_are_a_limit(card):
    limits = card.markdown.partition("## Known limits")[2].partition("##")[0]
    assert "The test part has few groups: " in limits
    assert "Under random each transcript is its own group" in limits


def test_html_says_what_the_markdown_says(card):
    said = " ".join(Page(card.html).text.split())
    for line in card.markdown.splitlines():
        for cell in line.strip("|").split(" |"):
            words = re.sub(r"\\(.)", r"\1", cell).strip("# -").strip()
            if words and not words.startswith(("!", ":-", "Made by")) and "doi.org" not in words:
                assert words.removesuffix(":").strip() in said, words


def test_html_is_whole_and_asks_for_nothing_outside(card):
    page = Page(card.html)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert len(page.loaded) == len(PICTURES)
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.loaded)
    assert "url(" not in card.html
    assert len(card.html.encode()) < 2 << 20


def test_same_inputs_give_same_bytes(flags, tmp_path):
    outputs = []
    for _ in range(2):
        make(flags)
        files = sorted((tmp_path / "card").rglob("*.*"))
        outputs.append({path.name: path.read_bytes() for path in files})
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) == 3 + 3 * len(PICTURES)


def test_what_users_name_is_escaped(flags, tmp_path):
    write_table(tmp_path / "transcripts.parquet", transcripts(NASTY))
    write_table(tmp_path / "summary.tsv", summary(NASTY))
    hostile = {NASTY: {"type": NASTY, "assembly": NASTY, "file": NASTY, "release": NASTY}}
    write_json(tmp_path / "settings.json", {"sources": hostile})
    record = tmp_path / "gencode.x.json"
    write_json(record, DOWNLOAD | {"url": NASTY, "requested_urls": ["javascript:x"]})
    markdown, html, _ = make(flags | {"--title": [NASTY], "--downloads": [record]})
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in html
    assert not any(link.startswith("javascript:") for link in Page(html).links)
    assert Page(html).open == []
    assert "<script" not in markdown.replace(r"\<", "")
    assert r"\<script\>alert(" in markdown
    assert r"\[b\](javascript:c)" in markdown
    cells = [line for line in markdown.splitlines() if line.startswith("| ") and "alert" in line]
    header = next(line for line in markdown.splitlines() if line.startswith("| Source | Class | T"))
    assert cells[0].replace(r"\|", "").count("|") == header.count("|")


def test_inputs_that_may_lack_are_said_to(flags, tmp_path):
    whole = transcripts()
    few = whole[whole["biotype"].ne("linear_exons").fillna(True)].assign(exon_count=pd.NA)
    write_table(tmp_path / "transcripts.parquet", few.astype({"exon_count": "Int64"}))
    counts = summary()
    is_hard = (counts["source"] == "exons") | (counts["step"] == "hard_negatives")
    write_table(tmp_path / "summary.tsv", counts[~is_hard])
    for name in ("gene", "random"):
        path = tmp_path / f"splits/{name}.parquet"
        write_table(path, read_table(path).drop(columns="fold").iloc[:8])
    write_table(tmp_path / "leakage.tsv", pd.DataFrame(leakage("random", 0.5, 0.9))[:0])
    write_table(tmp_path / "confounds.tsv", CONFOUNDS[:0])
    write_table(tmp_path / "subsets.parquet", SUBSETS[:0])
    del flags["--settings"]
    text, _, sheet = make(flags | {"--downloads": []})
    assert "This dataset has none." in text
    assert "None was measured." in text
    assert "Without hard negatives, this dataset cannot tell" in text
    assert "No assembly is stated for their places." in text
    assert "Upstream files" not in text
    assert rows_of(text, "circRNAs", "exons") == [["0", *[DASH] * 7]]
    assert sheet["splits"][0]["folds"] == 0
    assert "hard_negatives" not in sheet["classes"]
    assert len(sheet["citations"]) == 6  # which one was used is not known
    assert read_table(tmp_path / "card/figures/exon_number.tsv").empty


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("summary.tsv", "source\nx\n", "lacks the columns"),
        ("summary.tsv", "\t".join(SUMMARY_COLUMNS) + "\na\tb\tc\t1\tx\t1\t1\n", "not a number"),
        ("leakage.tsv", "scheme\nx\n", "lacks the columns"),
        ("confounds.tsv", "scheme\ttest_set\nx\ty\n", "lacks the columns"),
        ("settings.json", "[]", "not settings"),
        ("settings.json", '{"sources": 3}', "not settings"),
        ("settings.json", "{", "not valid JSON"),
        ("circles.zip.json", "{}", "not a record of a download ('url')"),
        ("splits/gene.parquet", "x", "not a readable table"),
    ],
)
def test_bad_input_is_refused(flags, tmp_path, capsys, path, content, message):
    (tmp_path / path).write_text(content)
    assert call(flags) == 2
    error = capsys.readouterr().err
    assert path in error
    assert message in error
    assert not (tmp_path / "card").exists()


@pytest.mark.parametrize("column", ["sequence", "aliases", "coding_gene"])
def test_transcripts_without_a_column_are_refused(flags, tmp_path, capsys, column):
    write_table(tmp_path / "transcripts.parquet", transcripts().drop(columns=column))
    assert call(flags) == 2
    assert f"transcripts.parquet: lacks the columns ['{column}']" in capsys.readouterr().err
    assert not (tmp_path / "card").exists()


def test_tables_of_another_dataset_are_refused(flags, tmp_path, capsys):
    def refused(path: str, content: pd.DataFrame) -> str:
        before = (tmp_path / path).read_bytes()
        write_table(tmp_path / path, content)
        assert call(flags) == 2
        (tmp_path / path).write_bytes(before)
        return capsys.readouterr().err

    other = summary()
    other.loc[other["step"] == "kept", "remaining"] = 5
    assert "counts 5 circRNA, " in refused("summary.tsv", other)
    assert "subsets.parquet: x9: is not in the dataset" in refused(
        "subsets.parquet", SUBSETS.replace("c4", "x9")
    )
    assert "gene.parquet" in refused("splits/gene.parquet", split().iloc[1:])
    assert "a value is not a number" in refused("confounds.tsv", CONFOUNDS.assign(auroc="good"))
    assert "the table has no rows" in refused("transcripts.parquet", transcripts()[:0])


def test_download_of_no_source_is_refused_and_the_longest_name_owns(tmp_path):
    rows = [("a", "circRNA", "records", None, None, 1, None)]
    rows += [("a.b", "lncRNA", "records", None, None, 1, None)]
    table = pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))
    write_json(tmp_path / "a.b.zip.json", DOWNLOAD)
    first, second = describe_sources(table, {}, [tmp_path / "a.b.zip.json"])
    assert (len(first["downloads"]), len(second["downloads"])) == (0, 1)


def test_histograms_share_out_each_class(card):
    found = read_table(card.folder / "card/figures/length.tsv")
    assert found.groupby("class")["transcripts"].sum().to_dict() == {
        "circRNA": 4,
        "hard_negatives": 2,
        "lncRNA": 4,
    }
    assert found.groupby("class")["share"].sum().tolist() == pytest.approx([1, 1, 1])
    exons = read_table(card.folder / "card/figures/exon_number.tsv")
    counted = exons[(exons["class"] == "circRNA") & (exons["transcripts"] > 0)]
    # One of four is not known; 25 exons stand in the last bin.
    assert counted["low"].tolist() == [0.5, 1.5, 19.5]
    assert counted["share"].tolist() == pytest.approx([1 / 3] * 3)


def test_one_length_for_all_is_drawn():
    rows = pd.DataFrame({"class": ["circRNA", "lncRNA"], "length": [300, 300]})
    bins = histogram(rows, "length")
    assert bins.loc[bins["transcripts"] > 0, "low"].tolist() == [300, 300]
    assert svg_of(draw(bins, "length")).startswith(b"<?xml")


def test_measure_knows_classes_gc_and_what_is_missing():
    found = measure(transcripts()).set_index("id")
    assert found.loc[["c1", "l1", "h1"], "class"].tolist() == [
        *("circRNA", "lncRNA", "hard_negatives")
    ]
    assert found.loc[["c1", "c2", "l4"], "gc"].tolist() == pytest.approx([1, 1 / 3, 1])
    assert found.index[~found["has_place"]].tolist() == ["c3"]
    assert found.index[~found["has_gene"]].tolist() == ["c3", "l4"]


def test_quantiles_of_nothing_are_missing():
    assert quantiles(pd.Series([None, None], dtype="Float64"))["median"] is None
    assert quantiles(pd.Series([1.0, None, 3.0])) == {
        "known": 2,
        "min": 1.0,
        "q05": 1.1,
        "q25": 1.5,
        "median": 2.0,
        "q75": 2.5,
        "q95": 2.9,
        "max": 3.0,
    }


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("linear_exons", "linear_exons"),
        ("_a_ b", r"\_a\_ b"),
        ("a|b\nc", r"a\|b c"),
        ("<b>&`x`", r"\<b\>\&\`x\`"),
        (3, 3),
    ],
)
def test_plain_shows_text_letter_by_letter(text, escaped):
    assert plain(text) == escaped


def test_words():
    assert [listed(list(words)) for words in ("", "a", "ab", "abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert name_class("circRNA", 1) == "1 circRNA"
    assert name_class("hard_negatives", 2) == "2 hard negatives"
    assert (heading("circRNAs"), heading("hard negatives")) == ("circRNAs", "Hard negatives")
    assert (exon_label(19.0), exon_label(20.0)) == ("19", "\N{GREATER-THAN OR EQUAL TO}20")


def test_card_needs_neither_models_nor_evaluation():
    code = "import sys, circlet.data.card.card; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "sklearn", "circlet.evaluation", "circlet.model"} & set(loaded)
