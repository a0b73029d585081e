"""The datasheet: the dataset in numbers, and the refusal of tables that are not of it."""

import json

import pandas as pd
import pytest
from card_inputs import (
    CONFOUNDS,
    DOWNLOAD,
    SHA256,
    SUBSETS,
    call,
    leakage,
    sha256,
    split,
    summary,
    transcripts,
)

from circlet.data.card.datasheet import (
    LOCAL_FILES,
    cited,
    describe_sources,
    describe_split,
    measure,
    quantiles,
)
from circlet.errors import InputError
from circlet.files import write_json, write_table
from circlet.tables import SUMMARY_COLUMNS


def records_of(*names):
    """The summary of sources of which a record each is kept."""
    rows = [(name, "circRNA", "records", None, None, 1, None) for name in names]
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


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


UPSTREAM = {"type": "gencode", "assembly": "hg19", "release": 19, "urls": ["https://up.org/19/"]}


@pytest.mark.parametrize("key", LOCAL_FILES)
def test_files_of_the_user_are_named_without_their_folder(key):
    settings = {"mine": UPSTREAM | {key: "/home/me/own.gz"}, "theirs": UPSTREAM}
    mine, theirs = describe_sources(records_of("mine", "theirs"), settings, [])
    origin = ("assembly", "release", "urls", "files")
    assert [mine[name] for name in origin] == ["hg19", None, [], ["own.gz"]]
    assert [theirs[name] for name in origin] == ["hg19", 19, ["https://up.org/19/"], []]


def test_files_of_the_user_are_all_listed_in_one_order():
    assert LOCAL_FILES == ("file", "genome", "annotation", "fasta", "bed", "gtf")
    own = {key: f"/home/me/own.{key}" for key in reversed(LOCAL_FILES)} | {"bed": None}
    (source,) = describe_sources(records_of("mine"), {"mine": own}, [])
    assert source["files"] == ["own.file", "own.genome", "own.annotation", "own.fasta", "own.gtf"]


def test_citations_are_those_of_the_sources(card):
    names = [work["name"].partition(" ")[0] for work in card.sheet["citations"]]
    assert names == ["circRNADb", "GENCODE", "MMseqs2", "Snakemake"]
    assert "<https://doi.org/10.1038/srep34985>" in card.markdown
    assert '<a href="https://doi.org/10.1038/srep34985">doi:10.1038/srep34985</a>' in card.html
    assert card.sheet["citations"][0]["terms"].startswith("No explicit licence text is known")


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"type": "fasta", "file": "../workflow/demo/circrnas.chr21.fa"}, ["CIRCexplorer"]),
        ({"type": "fasta", "file": "demo/circrnas.chr21.fa"}, []),
        ({"type": "linear_exons", "urls": ["https://up.org/"], "release": 19}, ["GENCODE"]),
        ({"type": "linear_exons", "urls": ["https://up.org/"], "fasta": "a.fa"}, []),
    ],
)
def test_citations_are_those_of_the_files(settings, names):
    sources = describe_sources(records_of("mine"), {"mine": settings}, [])
    found = [work["name"].partition(" ")[0] for work in cited(sources, {"mine": settings})]
    assert found == [*names, "MMseqs2", "Snakemake"]


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
def test_bad_input_is_refused(card_flags, tmp_path, capsys, path, content, message):
    (tmp_path / path).write_text(content)
    assert call(card_flags) == 2
    error = capsys.readouterr().err
    assert path in error
    assert message in error
    assert not (tmp_path / "card").exists()


@pytest.mark.parametrize("column", ["sequence", "aliases", "coding_gene"])
def test_transcripts_without_a_column_are_refused(card_flags, tmp_path, capsys, column):
    write_table(tmp_path / "transcripts.parquet", transcripts().drop(columns=column))
    assert call(card_flags) == 2
    assert f"transcripts.parquet: lacks the columns ['{column}']" in capsys.readouterr().err
    assert not (tmp_path / "card").exists()


def test_tables_of_another_dataset_are_refused(card_flags, tmp_path, capsys):
    def refused(path: str, content: pd.DataFrame) -> str:
        before = (tmp_path / path).read_bytes()
        write_table(tmp_path / path, content)
        assert call(card_flags) == 2
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
    record = tmp_path / "a.b.zip.json"
    write_json(record, DOWNLOAD)
    first, second = describe_sources(records_of("a", "a.b"), {}, [record])
    assert (len(first["downloads"]), len(second["downloads"])) == (0, 1)
    with pytest.raises(InputError, match=r"a\.b\.zip\.json: is of no source of the summary"):
        describe_sources(records_of("a.b.z"), {}, [record])


def test_the_largest_group_is_counted_in_transcripts_of_all_parts(tmp_path):
    path = tmp_path / "gene.parquet"
    write_table(path, split(group=["G1", "G1", "G1", *"abcdef", "G1"], fold=[0, 0, 3] + [3] * 7))
    found = describe_split(path, measure(transcripts()), tmp_path / "transcripts.parquet")
    assert (found["groups"], found["largest_group"], found["folds"]) == (7, 4, 2)
    sizes = {part["part"]: (part["transcripts"], part["groups"]) for part in found["parts"]}
    assert sizes == {
        **{"train": (4, 3), "validation": (2, 2), "test": (2, 2)},
        **{"hard": (1, 1), "unused": (1, 1)},
    }


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
