import base64
import hashlib
import re

import pandas as pd
import pytest
from report_inputs import (
    DIFFERENCES,
    DOWNLOAD,
    MISTAKE,
    NASTY,
    SHA256,
    STRATA,
    SUMMARY,
    Page,
    call,
    comparison_row,
    difference_row,
    make,
    write_differences,
    write_inputs,
)
from report_whole import write_whole

from circlet.evaluation.figures import FIGURES
from circlet.evaluation.report.inputs import split_rows
from circlet.evaluation.report.words import METRIC_WORDS
from circlet.files import write_json, write_table
from circlet.pages import DASH
from circlet.tables import LINEAR_EXONS, STRATUM_COLUMNS


@pytest.fixture
def flags(tmp_path) -> dict[str, list]:
    """Flags of a report on one run and one baseline, with their files."""
    return write_inputs(tmp_path)


def table_of(text: str, caption: str) -> str:
    """The table whose caption has this id."""
    return re.search(
        rf"<table[^>]*>\s*<caption id=\"{caption}\".*?</table>", text, re.DOTALL
    ).group()


def cells(text: str, first: str) -> list[str]:
    """Texts of the cells of the table row whose heading starts with `first`."""
    row = re.search(rf"<tr[^>]*><th scope=\"row\">{first}.*?</tr>", text, re.DOTALL).group()
    plain = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)]
    return [" ".join(cell.split()) for cell in plain]


def test_page_tells_the_scores_and_the_verdict(flags):
    text = make(flags)
    assert "The run is 0.300 above it, and the intervals do not overlap." in text
    scores = table_of(text, "comparison-1")
    assert cells(scores, "main")[:2] == ["gene", "0.900 [0.890, 0.910]"]
    assert cells(scores, "length")[-3:] == ["300", "200", "150"]
    assert cells(table_of(text, "overview-caption"), "main") == [
        *("test part", "0.900 [0.890, 0.910]", "0.500 [0.500, 0.500]"),
        *("length", "0.600 [0.590, 0.610]", DASH, DASH, "300", "200"),
    ]
    assert "95 % interval of 2,000 bootstrap replicates, resampled by group: symmetric" in text
    assert "17 of 2,000 bootstrap replicates lacked a class" in text
    assert cells(text, "circRNA") == ["271", "29"]
    assert "Small sample" not in text


def test_paired_differences_decide_and_are_shown(flags, tmp_path):
    without = make(flags)
    assert "less the rival" not in without
    assert "and decides." not in without
    text = make(flags | {"--differences": [write_differences(tmp_path, DIFFERENCES)]})
    assert "The difference is +0.300 [+0.280, +0.320], p = 0.002 after Holm" in text
    assert "for all comparisons of the run, so the run is better." in text
    assert "the intervals do not overlap" not in text
    assert "and decides." in text
    overview = cells(table_of(text, "overview-caption"), "main")
    assert overview[5:7] == ["+0.300 [+0.280, +0.320]", "better"]
    table = table_of(text, "run-1-differences")
    assert re.findall(r"<abbr[^>]*>(.*?)</abbr>", table) == [
        "AUROC",
        "ECE",
    ]
    assert cells(table, "test part") == [
        "length",
        "+0.300* [+0.280, +0.320]",
        "-0.050 [-0.070, -0.030]",
        *("301", "202", "153"),
    ]
    assert cells(table, "subset below 0.5 stop-free")[1:3] == [
        "-0.100 [-0.300, +0.100]",
        f"+0.010 [{DASH}, {DASH}]",
    ]
    # Of a rival of another split, by one metric.
    assert cells(table, "hard negatives")[:3] == [
        "far (random)",
        "+0.200 [+0.100, +0.300]",
        f"{DASH} [{DASH}, {DASH}]",
    ]
    assert "leaves it below 0.05. A rival of another split" in table
    assert "+0.900" not in text  # of another split
    page = Page(text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))


def test_page_is_whole_and_asks_for_nothing_outside(flags):
    page = Page(make(flags))
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert not {"link", "iframe", "object"} & set(page.tags)
    assert page.tags.count("script") == 1
    assert len(page.sources) == len(FIGURES)
    assert all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)
    assert base64.b64decode(page.sources[0].partition(",")[2]) == b"<svg id='roc'/>"
    assert "url(" not in make(flags)


def test_same_inputs_give_same_bytes(flags):
    assert make(flags) == make(flags)


def test_training_dataset_split_and_origin_are_told(flags):
    text = make(flags)
    assert "<dd>483,201</dd>" in text
    assert "<dd>all epochs are done</dd>" in text
    assert "<dd>1,234 s</dd>" in text
    assert "<dd>9.8.7</dd>" in text
    assert cells(text, "1<") == ["0.610", "0.520", "0.813", "31"]
    assert cells(text, "circrnadb") == ["circRNA", "4,099", "21", "3", "4,075", DASH]
    assert cells(text, "total") == ["circRNA", DASH, DASH, DASH, "4,075", "31,939"]
    assert cells(text, "train") == ["2", "1"]
    origin = cells(text, "lnc.fa.gz")
    assert origin[0].startswith("https://up.example.org/a/lnc.fa.gz taken from https://mirror.")
    assert origin[1:] == ["1,234,567", "0123456789ab…", "2026-01-02T03:04:05+00:00"]
    assert f'title="{SHA256}"' in text


def test_splits_are_counted_by_class_where_the_dataset_is_given(flags, tmp_path):
    transcripts = pd.DataFrame({"id": list("abc"), "label": ["circRNA", "lncRNA", "lncRNA"]})
    path = tmp_path / "transcripts.parquet"
    write_table(path, transcripts.assign(biotype=None))
    text = make(flags | {"--transcripts": [path]})
    assert cells(text, "train") == ["2", "1", "1", "1"]
    assert cells(text, "all") == ["3", "1", "2", "2"]
    assert "Hard negatives</th>" not in text

    # Hard negatives bear the label lncRNA but are none.
    write_table(path, transcripts.assign(biotype=[None, LINEAR_EXONS, "lincRNA"]))
    text = make(flags | {"--transcripts": [path]})
    assert cells(text, "train") == ["2", "1", "0", "1", "1"]
    assert cells(text, "all") == ["3", "1", "1", "1", "2"]


def test_parts_of_hard_negatives_are_shown_where_there_are_any():
    parts = ["train", "test", "hard", "unused"]
    split = pd.DataFrame({"id": list("abcd"), "group": list("abcd"), "part": parts})
    shown = [row["part"] for row in split_rows(split)]
    assert shown == ["train", "validation", "test", "hard", "unused", "all"]


def test_optional_inputs_may_be_empty(flags):
    empty = {
        flag: [] for flag in ("--metrics", "--figures", "--downloads", "--split", "--training")
    }
    text = make(flags | empty)
    assert "No upstream file was downloaded" in text
    assert "No split was given" in text
    assert "<img" not in text


def test_small_sample_is_said(flags, tmp_path):
    rows = [comparison_row("main", "run", 0.6, n_circrna=9, n_lncrna=13)]
    write_table(tmp_path / "comparison.tsv", pd.DataFrame(rows))
    assert "has only 22 transcripts: the sample is small and the intervals are wide" in make(flags)


def test_missing_scores_are_dashes(flags, tmp_path):
    row = comparison_row("main", "run", 0.6, mcc=None, mcc_low=None, mcc_high=None)
    write_table(tmp_path / "comparison.tsv", pd.DataFrame([row]))
    text = make(flags)
    metrics = cells(table_of(text, "comparison-1"), "main")[1:]
    assert metrics[list(METRIC_WORDS).index("mcc")] == f"{DASH} [{DASH}, {DASH}]"
    assert cells(table_of(text, "overview-caption"), "main")[2] == DASH
    assert "MCC of its calls" not in text  # a key number that is missing is none


def test_baselines_alone_make_a_page(flags, tmp_path):
    write_table(tmp_path / "comparison.tsv", pd.DataFrame([comparison_row("a", "baseline", 0.6)]))
    assert "No run was evaluated" in make(flags)


def test_what_users_name_is_escaped(flags, tmp_path):
    row = comparison_row(NASTY, "run", 0.9, scheme=NASTY)
    write_table(tmp_path / "comparison.tsv", pd.DataFrame([row]))
    found = difference_row("test", "mcc", (0, 0, 0), name=NASTY, scheme=NASTY, rival=NASTY)
    differences = write_differences(tmp_path, [found])
    write_table(tmp_path / "summary.tsv", SUMMARY.assign(source=NASTY, step=NASTY))
    write_json(tmp_path / "lnc.json", DOWNLOAD | {"url": NASTY, "requested_urls": ["javascript:x"]})
    text = make(flags | {"--title": [NASTY], "--differences": [differences]})
    assert "less the rival" in text
    assert text.count("<script") == 1  # the page's own
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in text
    assert 'href="javascript:' not in text
    assert Page(text).open == []


def test_split_rows_count_an_absent_part_as_zero():
    split = pd.DataFrame({"id": ["a"], "group": ["g"], "part": ["train"]})
    found = {row["part"]: (row["transcripts"], row["groups"]) for row in split_rows(split)}
    assert found == {"train": (1, 1), "validation": (0, 0), "test": (0, 0), "all": (1, 1)}


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("comparison.tsv", "name\tkind\nmain\trun\n", "lacks the columns"),
        ("summary.tsv", "source\nx\n", "lacks the columns"),
        ("evaluation/main/metrics.json", "{}", "not a file of metrics ('name')"),
        ("evaluation/main/metrics.json", "[{}]", "not a file of metrics"),
        ("models/main/training.json", "[{}]", "not the records of trainings ('epochs')"),
        (
            "models/main/training.json",
            '[{"epochs": [{"epoch": 1}]}]',
            "not the records of trainings",
        ),
        ("models/main/training.json", "{}", "not the records of trainings (no list)"),
        ("lnc.json", '{"url": "x"}', "not a record of a download ('size')"),
        ("lnc.json", "{", "not valid JSON"),
    ],
)
def test_bad_input_is_refused(flags, tmp_path, capsys, path, content, message):
    (tmp_path / path).write_text(content)
    assert call(flags) == 2
    error = capsys.readouterr().err
    assert path in error
    assert message in error
    assert not (tmp_path / "report.html").exists()


def test_comparison_without_rows_or_with_words_for_scores_is_refused(flags, tmp_path, capsys):
    row = comparison_row("main", "run", 0.9)
    write_table(tmp_path / "comparison.tsv", pd.DataFrame([row])[:0])
    assert call(flags) == 2
    assert "the table has no rows" in capsys.readouterr().err
    write_table(tmp_path / "comparison.tsv", pd.DataFrame([row | {"mcc": "good"}]))
    assert call(flags) == 2
    assert "a score is not a number" in capsys.readouterr().err


def test_strata_and_mistakes_are_shown_of_their_own_run(flags, tmp_path):
    strata, mistakes = tmp_path / "strata.tsv", tmp_path / "mistakes.tsv"
    write_table(strata, pd.DataFrame(STRATA)[list(STRATUM_COLUMNS)])
    other = MISTAKE | {"id": "hsa_circ_2", "chrom": None, "scheme": "random"}
    unplaced = MISTAKE | {"id": "hsa_circ_3", "chrom": None}
    write_table(mistakes, pd.DataFrame([MISTAKE, other, unplaced]))
    text = make(flags | {"--strata": [strata], "--mistakes": [mistakes]})
    assert cells(text, "All")[:3] == ["all", "0.900 [0.890, 0.900]", f"{DASH} [{DASH}, {DASH}]"]
    assert cells(text, "Exons")[0] == "2"
    assert cells(text, "Of a gene in training")[1] == f"{DASH} [{DASH}, {DASH}]"
    assert cells(text, "All")[-5:] == ["301", "31", "202", "27", "153"]
    assert "GC fraction</th><td" not in text
    assert cells(text, "hsa_circ_1")[4:] == ["chr3:12,345", "1,234", "0.250", "0.500"]
    assert cells(text, "hsa_circ_3")[4] == DASH
    assert "hsa_circ_2" not in text
    assert NASTY not in text


def test_bad_differences_are_refused(flags, tmp_path, capsys):
    path = write_differences(tmp_path, [DIFFERENCES[0] | {"low": "much"}])
    assert call(flags | {"--differences": [path]}) == 2
    assert "differences.tsv: holds what is not a number" in capsys.readouterr().err
    write_table(path, pd.DataFrame(DIFFERENCES).drop(columns="rival"))
    assert call(flags | {"--differences": [path]}) == 2
    assert "differences.tsv: lacks the columns ['rival']" in capsys.readouterr().err


def test_missing_or_repeated_figures_are_refused(flags, tmp_path, capsys):
    folder = flags["--figures"][0]
    assert call(flags | {"--figures": [folder, folder]}) == 2
    assert "a second folder of this name" in capsys.readouterr().err
    (folder / "scores.svg").unlink()
    assert call(flags) == 2
    assert "scores.svg: no such file" in capsys.readouterr().err


@pytest.fixture
def whole(tmp_path) -> dict[str, list]:
    """Flags of a report with all sections."""
    return write_whole(tmp_path)


def plain(text: str) -> str:
    """What a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_whole_page_stays_within_itself(whole):
    text = make(whole)
    page = Page(text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert "default-src 'none'" in text
    assert not {"link", "iframe", "object", "embed", "form"} & set(page.tags)
    assert page.tags.count("script") == 1
    # All curves, strata, learning, forest, leakage, resources, k-mers and two explained mistakes.
    assert len(page.sources) == len(FIGURES) + 8
    assert all(source.startswith("data:image/") for source in page.sources)
    assert make(whole) == text


SECTIONS = {  # flag: what the page says with it alone
    "--leakage": "What leaks through each split",
    "--forest": "Forest plot of all scores",
    "--resources": "Run time and memory",
    "--seeds": "What each seed of main, and its trees, score alone",
    "--checksums": "Checksums of what this page rests on",
    "--strata": "Where it can be trusted",
    "--mistakes": "The surest mistakes",
    "--differences": "Differences from other scores on the same transcripts",
    "--confounds": "What of that is coding sequence alone",
}


@pytest.mark.parametrize(("flag", "said"), SECTIONS.items())
def test_section_is_there_with_its_input_and_absent_without(whole, flag, said):
    assert said in plain(make(whole))
    without = make({name: values for name, values in whole.items() if name != flag})
    assert said not in plain(without)
    assert Page(without).open == []


def test_explanation_is_there_where_the_run_has_one(whole, tmp_path):
    said = "What its calls rest on"
    assert said in plain(make(whole))
    (tmp_path / "evaluation/main/explanation/index.tsv").unlink()
    assert said not in plain(make(whole))


def test_every_table_and_picture_of_numbers_names_a_file_that_is_there(whole, tmp_path):
    text = make(whole)
    told = re.findall(r'class="source">Source: (.*?)</(?:p|span)>', text)
    paths = {path for found in told for path in re.findall(r"<code>(.*?)</code>", found)}
    assert [path for path in sorted(paths) if not (tmp_path / path).is_file()] == []
    assert {"comparison.tsv", "evaluation/main/seeds.tsv", "models/main/training.json"} < paths
    # Whatever tables tell that is no number of this run.
    others = {"checksums-caption", "software-caption"}
    for table in re.finditer(r"<table.*?</table>\s*</div>\s*(.{0,40})", text, re.DOTALL):
        (caption,) = re.findall(r'<caption id="([^"]+)"', table.group())
        assert ('<p class="source">' in table.group(1)) != (caption in others), caption
    for figure in re.findall(r"<figure.*?</figure>", text, re.DOTALL):
        assert '<span class="source">' in figure


def test_leakage_and_resources_are_told(whole):
    text = make(whole)
    leakage = table_of(text, "leakage-caption")
    assert cells(leakage, "random") == [
        *("all", "500", "0.750", "0.500", "0.625", "0.875", DASH, "0.830", "0.570")
    ]
    resources = table_of(text, "resources-caption")
    assert cells(resources, "train") == ["main", "seed1", "1,234.6", "2,345.6", "1,536", "187"]
    assert cells(resources, "parse") == [DASH, "lnc", "0.5", DASH, DASH, DASH]


def test_seeds_stand_beside_the_model(whole):
    table = table_of(make(whole), "run-1-seeds")
    assert cells(table, "model")[0] == "0.900 [0.880, 0.920]"
    assert cells(table, "seed2")[0] == "0.860 [0.840, 0.880]"
    assert cells(table, "mean of seeds")[0] == "0.870"
    assert cells(table, "sd of seeds")[0] == "0.014"
    assert len(cells(table, "model")) == len(METRIC_WORDS)


def test_every_test_set_has_its_scores(whole):
    text = make(whole)
    found = {
        name: cells(table_of(text, f"comparison-{place}"), "main")[1]
        for place, name in enumerate(("test", "matched", "low_stop_free", "hard", "mouse"), 1)
    }
    assert found == {
        "test": "0.900 [0.890, 0.910]",
        "matched": "0.700 [0.690, 0.710]",
        "low_stop_free": "0.800 [0.790, 0.810]",
        "hard": "0.650 [0.640, 0.660]",
        "mouse": "0.750 [0.740, 0.760]",
    }
    said = plain(text)
    assert "Scores on the external set mouse" in said
    assert "baselines on the hard negatives, exons of linear coding transcripts in place" in said
    assert "Hard negatives" in plain(table_of(text, "comparison-4"))
    assert "0.650 [0.640, 0.660] " in said
    assert "AUROC against linear coding exons 0.650 [0.640, 0.660]" in said


def test_published_figures_are_marked_as_quoted(whole):
    text = make(whole)
    table = plain(table_of(text, "literature-caption"))
    assert "quoted" in table
    assert "Quoted, not measured here" in plain(text)
    rows = re.findall(r'<th scope="row">[^<]*<span class="tag">(\w+)</span>', text)
    assert set(rows) == {"run", "baseline", "quoted", "rerun"}


def test_checksums_are_those_of_the_files(whole, tmp_path):
    table = table_of(make(whole), "checksums-caption")
    for name in ("gene.parquet", "comparison.tsv"):
        assert cells(table, name) == [hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()]


def test_explained_mistakes_are_told_with_their_pictures(whole):
    text = make(whole)
    said = plain(text)
    assert "The 2 most confident mistakes, explained" in said
    assert "2. hsa_circ_2: circRNA called lncRNA, p_circrna 0.062, exonic; 1,234 nt" in said
    assert text.count('src="data:image/webp;base64,') == 2
    table = table_of(text, "run-1-kmers")
    assert re.findall(r"<code>(\w+)</code>", table) == ["GATACA", "TTTTTT", "CCCCCC"]
    assert cells(table, "<code>TTTTTT") == ["-0.750", "0.050", "13", "6"]
    assert "is +0.062 in the mean (+0.375 of their sizes)" in said
    assert "the pictures are of what was learnt" in said
