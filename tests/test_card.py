import re
import subprocess
import sys

import pandas as pd
import pytest
from card_inputs import (
    CONFOUNDS,
    DOWNLOAD,
    SHA256,
    SUBSETS,
    Page,
    leakage,
    make,
    rows_of,
    sha256,
    summary,
    transcripts,
)

from circlet.data.card.contents import tell_files, tell_typical
from circlet.data.card.figures import PICTURES, draw, exon_label, histogram
from circlet.data.card.trust import tell_hard_negatives
from circlet.data.card.words import FLAG_MEANINGS, PART_WORDS
from circlet.drawing import svg_of
from circlet.files import read_table, write_json, write_table
from circlet.pages import DASH
from circlet.tables import FLAGS, HARD, UNUSED

NASTY = '<script>alert("x")</script>|*a*[b](javascript:c)'


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
        [f"0.641 (0.600{DASH}0.700)", f"0.497 (0.400{DASH}0.600)", DASH, DASH]
    ]
    assert rows_of(text, "gene", "matched subset") == [["1", "1", "0.497", "0.502", DASH, "0.698"]]
    assert rows_of(text, "gene", "hard negatives") == [["4", "3", DASH, DASH, DASH, "0.512"]]
    taught = rows_of(text, "gene", "hard negatives, taught on such")
    assert taught == [["4", "3", DASH, DASH, DASH, "0.731"]]
    assert rows_of(text, "random", "test part") == [["4", "5", DASH, "0.922", DASH, DASH]]


def test_hard_negatives_are_told_with_what_is_left_of_the_scores(card):
    section = card.markdown.partition("## Hard negatives")[2].partition("##")[0]
    assert "Medians of hard negatives and circRNAs: 7 and 7 nt; 3.5 and 2 exons.\n" in section
    assert (
        "taught on circRNAs and lncRNAs, has an AUROC of "
        f"0.985 (0.982{DASH}0.987) against lncRNAs, and 0.512 against hard negatives.\n"
    ) in section
    assert (
        f"Taught on circRNAs and hard negatives, it has 0.731 (0.700{DASH}0.760) against hard "
        "negatives: what such properties tell of circles themselves.\n"
    ) in section
    assert (
        "Hard negatives, taught on such: the same, ranked by what was learnt on hard negatives of "
        "the training groups in place of the lncRNAs.\n"
    ) in card.markdown


def test_hard_negatives_that_were_not_scored_have_their_medians_alone(card):
    hard = card.sheet["classes"]["hard_negatives"]
    longer = hard | {"length": hard["length"] | {"median": 9}, "exon_number": {"known": 0}}
    classes = card.sheet["classes"] | {"hard_negatives": longer}
    told = tell_hard_negatives(card.sheet | {"classes": classes, "confounds": []}).sentences
    assert told[0].startswith("2 hard negatives: runs of consecutive internal exons")
    assert told[1:] == [f"Medians of hard negatives and circRNAs: 9 and 7 nt; {DASH} and 2 exons."]


def test_medians_tell_of_how_many_transcripts_they_are(card):
    lncrnas = card.sheet["classes"]["lncRNA"]
    said = (
        "The median length of the lncRNAs is 30 nt (half of them lie between 20 and 40 nt), their "
        "median number of exons 2.5"
    )
    assert tell_typical("lncRNA", lncrnas) == f"{said}."
    exons = lncrnas["exon_number"] | {"known": 3}
    told = tell_typical("lncRNA", lncrnas | {"exon_number": exons})
    assert told == f"{said} where it is known (3 of 4)."


def test_files_of_the_user_that_were_fetched_are_told_in_the_table():
    source = {"name": "mine", "files": ["a.fa"], "downloads": []}
    assert tell_files([source]) == ["mine was read from a.fa, named in the config."]
    fetched = source | {"downloads": [{"file": "a.fa", "mirror": False}]}
    assert tell_files([fetched]) == []


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
    assert not {"link", "iframe", "object"} & set(page.tags)
    assert page.tags.count("script") == 1
    assert len(page.loaded) == len(PICTURES)
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.loaded)
    assert "url(" not in card.html
    assert len(card.html.encode()) < 2 << 20


def test_same_inputs_give_same_bytes(card_flags, tmp_path):
    outputs = []
    for _ in range(2):
        make(card_flags)
        files = sorted((tmp_path / "card").rglob("*.*"))
        outputs.append({path.name: path.read_bytes() for path in files})
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) == 3 + 3 * len(PICTURES)


def test_what_users_name_is_escaped(card_flags, tmp_path):
    write_table(tmp_path / "transcripts.parquet", transcripts(NASTY))
    write_table(tmp_path / "summary.tsv", summary(NASTY))
    hostile = {NASTY: {"type": NASTY, "assembly": NASTY, "file": NASTY, "release": NASTY}}
    write_json(tmp_path / "settings.json", {"sources": hostile})
    record = tmp_path / "gencode.x.json"
    write_json(record, DOWNLOAD | {"url": NASTY, "requested_urls": ["javascript:x"]})
    markdown, html, _ = make(card_flags | {"--title": [NASTY], "--downloads": [record]})
    assert html.count("<script") == 1  # the page's own
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in html
    assert not any(link.startswith("javascript:") for link in Page(html).links)
    assert Page(html).open == []
    assert "<script" not in markdown.replace(r"\<", "")
    assert r"\<script\>alert(" in markdown
    assert r"\[b\](javascript:c)" in markdown
    cells = [line for line in markdown.splitlines() if line.startswith("| ") and "alert" in line]
    header = next(line for line in markdown.splitlines() if line.startswith("| Source | Class | T"))
    assert cells[0].replace(r"\|", "").count("|") == header.count("|")


def test_inputs_that_may_lack_are_said_to(card_flags, tmp_path):
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
    del card_flags["--settings"]
    text, _, sheet = make(card_flags | {"--downloads": []})
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


def test_exons_are_labelled():
    assert (exon_label(19.0), exon_label(20.0)) == ("19", "\N{GREATER-THAN OR EQUAL TO}20")


def test_everything_that_is_named_has_words():
    assert tuple(FLAG_MEANINGS) == FLAGS
    assert set(PART_WORDS) == {HARD, UNUSED}


def test_card_needs_neither_models_nor_evaluation():
    code = "import sys, circlet.data.card.card; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "sklearn", "circlet.evaluation", "circlet.model"} & set(loaded)
