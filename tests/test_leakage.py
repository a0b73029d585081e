"""The leakage audit."""

import numpy as np
import pandas as pd
import pytest

from circlet.cli import main
from circlet.data import leakage, relatives
from circlet.data.leakage import (
    ALL,
    Split,
    audit,
    draw,
    read_split,
    score_memoriser,
)
from circlet.errors import InputError
from circlet.files import read_table, write_table
from circlet.tables import (
    DATASET_COLUMNS,
    FLAGS,
    INTEGER_COLUMNS,
    LEAKAGE_COLUMNS,
    RELATIONS,
    RELATIVE_COLUMNS,
)

RNG = np.random.default_rng(11)


def bases(size):
    return "".join(RNG.choice(list("ACGT"), size))


CIRCLE, LINEAR = bases(300), bases(300)
SHIFTED = LINEAR.translate(str.maketrans("ACGT", "CGTA"))
# 30 equal bases after each 6 that differ: 83 % identity without a common 31-mer.
LIKE_LINEAR = "".join(SHIFTED[i] if i % 36 < 6 else LINEAR[i] for i in range(300))

# Id, label, gene, chrom, strand, start, end, sequence; the part `split` and fallback stand beside.
ROWS = [
    ("circle", "circRNA", "A", "chr1", "+", 100, 400, CIRCLE),
    ("linear", "lncRNA", "B", "chr1", "+", 1000, 2000, LINEAR),
    ("gene", "circRNA", "A", "chr2", "+", 100, 400, bases(300)),
    ("overlap", "circRNA", None, "chr1", "+", 399, 500, bases(300)),
    ("kmer", "lncRNA", "C", "chr1", "+", 2000, 3000, bases(200) + LINEAR[50:90]),
    ("identity", "lncRNA", None, "chr1", "-", 1000, 2000, LIKE_LINEAR),
    ("site", "circRNA", None, "chr1", "+", 100, 150, bases(300)),
    ("nothing", "lncRNA", None, None, None, None, None, bases(300)),
    ("between", "lncRNA", "A", "chr1", "+", 100, 400, CIRCLE + "ACGT"),
    ("hard", "lncRNA", "C", "chr1", "+", 100, 400, bases(100) + CIRCLE),
]
PARTS = ["train"] * 2 + ["test"] * 6 + ["validation", "hard"]


@pytest.fixture
def table():
    """Six test transcripts, of which four have one relative, one two and one none."""
    names = ("id", "label", "gene", "chrom", "strand", "start", "end", "sequence")
    found = pd.DataFrame(ROWS, columns=list(names)).reindex(columns=list(DATASET_COLUMNS))
    found["assembly"] = "hg19"
    found[list(FLAGS)] = False
    types = {name: "string" for name in DATASET_COLUMNS if name not in FLAGS}
    types |= dict.fromkeys(INTEGER_COLUMNS, "Int64") | {"soft_masked": "Float64"}
    return found.astype(types)


@pytest.fixture
def split(table):
    """A split table: two of the lncRNAs of the test part are one group."""
    group = table["id"].replace({"identity": "kmer"})
    fell_back = table["id"].isin(["nothing", "hard"])
    return pd.DataFrame({"id": table["id"], "group": group, "part": PARTS, "fallback": fell_back})


@pytest.fixture
def step(tmp_path, table, split):
    """Arguments of the step, whose files are written; its outputs go to the folder `out`."""

    def arguments(**splits):
        write_table(tmp_path / "transcripts.parquet", table)
        for name, content in (splits or {"random": split}).items():
            write_table(tmp_path / f"{name}.parquet", content)
        paths = [str(tmp_path / f"{name}.parquet") for name in splits or ["random"]]
        outputs = ["--output", str(tmp_path / "out" / "leakage.tsv")]
        outputs += ["--relatives", str(tmp_path / "out" / "relatives.parquet")]
        outputs += ["--figure-dir", str(tmp_path / "out")]
        table_path = str(tmp_path / "transcripts.parquet")
        return ["leakage", "--transcripts", table_path, "--splits", *paths, *outputs]

    return arguments


def test_shares_by_hand(tmp_path, step):
    assert main(step()) == 0
    found = read_table(tmp_path / "out" / "leakage.tsv")
    assert tuple(found.columns) == LEAKAGE_COLUMNS
    assert found["scheme"].tolist() == ["random"] * 3
    assert found["label"].tolist() == [ALL, "circRNA", "lncRNA"]
    counts = found[["groups", "fallback", "n_train", "n_test"]]
    assert counts.to_numpy().tolist() == [[5, 1, 2, 6], [3, 0, 1, 3], [2, 1, 1, 3]]
    sixths = [[1, 2, 1, 1, 1], [2, 4, 2, 0, 0], [0, 0, 0, 2, 2]]
    np.testing.assert_allclose(found[list(RELATIONS)], np.array(sixths) / 6, atol=1e-6)
    # Of 9 pairs, the lncRNA with a known 31-mer loses 3 and all others are ties; where nothing is
    # known and training has as many of either, all are called lncRNA.
    assert found["memoriser_auroc"][0] == pytest.approx(6 / 9, abs=1e-6)
    assert found["memoriser_mcc"][0] == 0
    assert found[["memoriser_auroc", "memoriser_mcc"]][1:].isna().all(axis=None)


def test_each_split_is_audited_by_itself(table, split):
    parts = split.assign(part=["test", "train", *["unused"] * 5, "test", "train", "unused"])
    splits = [as_split("random", split), as_split("gene", parts.drop(columns="fallback"))]
    found, relatives = audit(table, splits, threads=1)
    assert tuple(relatives.columns) == RELATIVE_COLUMNS
    for scheme, rows in relatives.groupby("scheme"):
        is_test = (split if scheme == "random" else parts)["part"] == "test"
        assert rows["id"].tolist() == table["id"][is_test].tolist()
        expected = found[(found["scheme"] == scheme) & (found["label"] == "all")].iloc[0]
        shares = rows[list(RELATIONS)].astype(float).mean()
        assert shares.tolist() == pytest.approx(expected[list(RELATIONS)].tolist())
    assert found["scheme"].tolist() == ["random"] * 3 + ["gene"] * 3
    alone, _ = audit(table, splits[1:], threads=1)
    pd.testing.assert_frame_equal(found[3:].reset_index(drop=True), alone)
    # Tested are the circRNA that now has a twin of the other label in training, and `nothing`.
    assert alone["n_test"].tolist() == [2, 1, 1]
    assert alone["fallback"].tolist() == [0, 0, 0]
    # The twin's only inner boundaries would be splice sites, and it has none.
    assert alone.loc[1, list(RELATIONS)].tolist() == [1, 1, 0, 1, 1]
    assert alone.loc[2, list(RELATIONS)].tolist() == [0] * 5
    # The memoriser calls the twin by its sister: circRNA -1, lncRNA 0.
    assert alone.loc[0, "memoriser_auroc"] == 0


def as_split(scheme, rows):
    """A split of rows that stand in the order of the dataset."""
    part = rows["part"]
    is_scored = part.isin(["train", "validation", "test"])
    fell_back = rows.get("fallback", pd.Series(False, index=rows.index)) & is_scored
    is_train, is_test = (part == "train").to_numpy(), (part == "test").to_numpy()
    return Split(scheme, rows["group"], is_train, is_test, fell_back.to_numpy())


def test_a_test_part_without_a_label_has_empty_scores(table, split):
    parts = split["part"].mask((table["label"] == "circRNA").to_numpy(), "train")
    found, _ = audit(table, [as_split("random", split.assign(part=parts))], threads=1)
    assert found["n_test"].tolist() == [3, 0, 3]
    assert found.loc[1, list(RELATIONS)].isna().all()
    assert found.loc[0, list(RELATIONS)].notna().all()
    assert found[["memoriser_auroc", "memoriser_mcc"]].isna().all(axis=None)


def test_without_genes_and_places_the_shares_are_nought(table, split):
    for name in ("gene", "assembly", "chrom", "strand", "start", "end"):
        table[name] = pd.array([None] * len(table), dtype=table[name].dtype)
    found, _ = audit(table, [as_split("random", split)], threads=1)
    assert found.loc[0, list(RELATIONS)].tolist() == [0, 0, 0, 1 / 6, 1 / 6]


@pytest.mark.parametrize("seed_of_draw", [3, 4])
def test_of_many_test_sequences_a_seeded_few_are_searched_for(
    tmp_path, step, table, split, monkeypatch, seed_of_draw
):
    asked = []

    def find(sequences, is_train, is_test, threads):
        asked.append(is_test)
        return is_test & (table["label"] == "circRNA").to_numpy(bool)

    monkeypatch.setattr(relatives, "SEARCHED", 2)
    monkeypatch.setattr(leakage, "find_similar", find)
    assert main([*step(), "--seed", str(seed_of_draw)]) == 0
    (searched,) = asked
    is_test = (split["part"] == "test").to_numpy(bool)
    assert searched.tolist() == relatives.draw_searched(is_test, seed_of_draw).tolist()
    assert searched.tolist() != relatives.draw_searched(is_test, 0).tolist()
    found = read_table(tmp_path / "out" / "leakage.tsv")
    circrnas = int((searched & (table["label"] == "circRNA")).sum())
    shares = [circrnas / 2, 1 if circrnas else None, 0 if circrnas < 2 else None]
    assert found["identity_80"].replace({np.nan: None}).tolist() == shares
    assert found["n_test"].tolist() == [6, 3, 3]


def test_a_score_of_nought_is_called_by_the_larger_class():
    is_circrna = np.array([True, True, False, True, False, False])
    is_test = np.array([False, False, False, True, True, True])
    split = Split("random", pd.Series(list("abcdef")), ~is_test, is_test, ~is_test)
    scores = np.array([0, 0, 0, 0, 0, -0.5])
    found = score_memoriser(is_circrna, split, scores)
    # One true circRNA, one false, one true lncRNA: MCC 1 / 2; AUROC (0.5 + 1) / 2.
    assert found == {"memoriser_auroc": 0.75, "memoriser_mcc": pytest.approx(0.5)}


def test_the_figure_draws_the_rows_of_both_labels(tmp_path, table, split):
    found, _ = audit(table, [as_split("random", split), as_split("gene", split)], threads=1)
    found.loc[found["scheme"] == "gene", "memoriser_auroc"] = np.nan
    shares, memoriser = draw(found).axes
    heights = [[bar.get_height() for bar in bars] for bars in shares.containers]
    assert heights == [[1 / 6, 2 / 6, 1 / 6, 1 / 6, 1 / 6]] * 2
    assert [text.get_text() for text in shares.get_legend().get_texts()] == ["random", "gene"]
    assert [text.get_text() for text in memoriser.texts] == ["0.67"]
    assert [label.get_text() for label in memoriser.get_xticklabels()] == ["random", "gene"]


def test_the_same_input_gives_the_same_bytes(tmp_path, step, split):
    arguments = step(random=split, gene=split)
    written = []
    for threads in ("1", "2"):
        assert main([*arguments, "--threads", threads]) == 0
        written.append({path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()})
    assert written[0] == written[1]
    names = {"leakage.tsv", "leakage.svg", "leakage.png", "relatives.parquet"}
    assert set(written[0]) == names


def test_a_split_of_another_dataset_is_refused(tmp_path, step, split, capsys):
    other = split.assign(id=split["id"].replace({"gene": "stranger"}))
    assert main(step(random=split, gene=other)) == 2
    assert "transcripts.parquet: gene: not in" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_split_without_a_part_is_refused(tmp_path, table, split, part):
    rows = split.assign(part=split["part"].replace({part: "validation"}))
    write_table(tmp_path / "random.parquet", rows)
    with pytest.raises(InputError, match=rf"random\.parquet: the part {part} is empty"):
        read_split(tmp_path / "random.parquet", table[["id"]], "transcripts.parquet")


def test_fallback_is_read_by_id_and_only_of_the_scored_parts(tmp_path, table, split):
    write_table(tmp_path / "gene.parquet", split.iloc[::-1])
    found = read_split(tmp_path / "gene.parquet", table[["id"]], "transcripts.parquet")
    assert found.scheme == "gene"
    assert table["id"][found.fell_back].tolist() == ["nothing"]
    assert table["id"][found.is_train].tolist() == ["circle", "linear"]


def test_two_splits_of_one_name_are_refused(tmp_path, step, split, capsys):
    arguments = step(random=split)
    place = arguments.index("--splits") + 1
    assert main([*arguments[:place], arguments[place], *arguments[place:]]) == 2
    assert "two files have one name" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
