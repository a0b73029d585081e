import numpy as np
import pandas as pd
import pytest

from circlet.cli import main
from circlet.files import read_table, write_table


def _bases(rng, length):
    return "".join(rng.choice(list("ACGT"), length))


@pytest.fixture
def files(tmp_path):
    """A dataset of two training and two test sequences under two splits, and one set."""
    rng = np.random.default_rng(3)
    known = [_bases(rng, 90) for _ in range(4)]
    write_table(
        tmp_path / "transcripts.parquet", pd.DataFrame({"id": list("abcd"), "sequence": known})
    )
    for scheme, parts in (("gene", ["train", "train", "test", "test"]), ("random", ["train"] * 4)):
        split = pd.DataFrame({"id": list("abcd"), "group": list("ghij"), "part": parts})
        write_table(tmp_path / f"{scheme}.parquet", split)
    circles = {
        "seen gene=G": _bases(rng, 20) + known[0][10:41],  # one 31-mer of a training sequence
        "of_test gene=G": known[2].lower().replace("t", "u"),
        "new": _bases(rng, 60),
        "short": _bases(rng, 49),
        "twin": "ACGTT" * 12,
    }
    linear = {"line gene_id=E1": _bases(rng, 60), "copy": "ACGTT" * 12, "n": "N" * 60}
    for name, records in (("circles", circles), ("lines", linear)):
        text = "".join(f">{title}\n{bases}\n" for title, bases in records.items())
        (tmp_path / f"{name}.fa").write_text(text)
    return tmp_path


def _run(folder, circrna=("mine=circles.fa",), lncrna=("mine=lines.fa",)):
    return main(
        [
            "external",
            "--circrna",
            *(word.replace("=", f"={folder}/") for word in circrna),
            "--lncrna",
            *(word.replace("=", f"={folder}/") for word in lncrna),
            "--min-length=50",
            f"--transcripts={folder}/transcripts.parquet",
            "--splits",
            f"{folder}/gene.parquet",
            f"{folder}/random.parquet",
            f"--output={folder}/external.parquet",
            f"--subsets={folder}/subsets.parquet",
        ]
    )


def test_sets_are_cleaned_as_the_dataset_is(files, caplog):
    caplog.set_level("INFO")
    assert _run(files) == 0
    found = read_table(files / "external.parquet")
    columns = ["id", "source", "label", "group", "part"]
    assert sorted(found[columns].to_numpy().tolist()) == [
        ["mine:line", "mine", "lncRNA", "mine:E1", "external"],
        ["mine:new", "mine", "circRNA", "mine:new", "external"],
        ["mine:of_test", "mine", "circRNA", "mine:G", "external"],
        ["mine:seen", "mine", "circRNA", "mine:G", "external"],
    ]
    assert set("".join(found["sequence"])) == set("ACGT")
    assert "mine: 4 of 8 sequences are kept" in caplog.messages


def test_what_shares_no_31mer_with_training_is_found_split_by_split(files, caplog):
    caplog.set_level("INFO")
    assert _run(files) == 0
    found = read_table(files / "subsets.parquet")
    assert set(found["subset"]) == {"mine.unseen"}
    unseen = {scheme: sorted(rows["id"]) for scheme, rows in found.groupby("scheme")}
    assert unseen == {
        "gene": ["mine:line", "mine:new", "mine:of_test"],
        "random": ["mine:line", "mine:new"],
    }
    assert "mine: 3 of 4 share no 31-mer with training (gene)" in caplog.messages


def test_two_sets_may_bear_the_same_ids(files):
    circrna, lncrna = ([f"{name}={file}.fa" for name in "ab"] for file in ("circles", "lines"))
    assert _run(files, circrna, lncrna[::-1]) == 0
    found = read_table(files / "external.parquet")
    assert found["id"].is_unique
    assert found["source"].value_counts().to_dict() == {"a": 4, "b": 4}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lncrna": ("other=lines.fa",)}, "--circrna: the set other has 0 files"),
        ({"circrna": ("mine=circles.fa",) * 2}, "--circrna: the set mine has 2 files"),
        ({"lncrna": ("mine=circles.fa",)}, "circles.fa: seen: this id stands in"),
        ({"lncrna": ("mine=none.fa",)}, "none.fa: no such file"),
        (
            {"lncrna": ("mine=short.fa",)},
            "short.fa: has no sequence of 50 nt or more of",
        ),
    ],
)
def test_unusable_sets_are_refused(files, capsys, change, message):
    (files / "short.fa").write_text(">s\nACGT\n")
    assert _run(files, **change) == 2
    assert message in capsys.readouterr().err
    assert not (files / "external.parquet").exists()
