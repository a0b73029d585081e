import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet.cli import main
from circlet.data import splits
from circlet.data.groups import group
from circlet.data.records import Record, records_to_table
from circlet.data.splits import assign_parts, check_split, parts_of, split_dataset
from circlet.files import write_table
from circlet.tables import FLAGS, FOLD_COLUMNS, LABELS, LINEAR_EXONS, PARTS, POSITIVE, SCHEMES

FRACTIONS = (0.7, 0.1, 0.2)
NOBODY = {"validation": [], "test": []}
HARD = "hard"  # stands for a label in the tests' rows


def dataset(rows):
    """A dataset of (label or HARD, fields of a record), ids `t0`, `t1` and so on."""
    records = [
        Record(f"t{place}", "ACGT", biotype=LINEAR_EXONS if label == HARD else None, **fields)
        for place, (label, fields) in enumerate(rows)
    ]
    labels = pd.Series(["lncRNA" if label == HARD else label for label, _ in rows], dtype="string")
    table = records_to_table(records, "mine", POSITIVE, "hg19").assign(label=labels)
    return table.assign(aliases=None, soft_masked=None, **dict.fromkeys(FLAGS, False))


def transcripts(rows):
    """A dataset of (label, gene) pairs."""
    return dataset([(label, {"gene": gene}) for label, gene in rows])


def divide(table, scheme, fractions=FRACTIONS, seed=1, folds=5, clusters=None, held_out=NOBODY):
    """Split a dataset, each transcript a homology cluster of its own if none are given."""
    clusters = table["id"] if clusters is None else clusters
    return split_dataset(table, clusters, scheme, fractions, folds, held_out, seed)


def many():
    """Labels and genes: 300 genes a label, 1 to 8 transcripts each; a third have both labels."""
    generator = np.random.default_rng(0)
    return [
        (label, f"{'shared' if gene % 3 == 0 else label}{gene}")
        for label in LABELS
        for gene in range(300)
        for _ in range(generator.integers(1, 9))
    ]


ROWS = many()
MANY = transcripts(ROWS)


def shares(table, parts):
    """Share of each label's transcripts in each part: labels x parts."""
    counts = pd.crosstab(table["label"], parts)[list(PARTS)]
    return counts.div(counts.sum(axis=1), axis=0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_group_goes_where_its_class_is_wanting(seed):
    counts = np.array([[1, 0], [6, 0], [3, 0], [0, 3], [0, 6], [0, 1]], dtype=float)
    parts = assign_parts(counts, (0.6, 0.3, 0.1), seed)
    assert parts.tolist() == [2, 0, 1, 1, 0, 2]


def test_a_group_goes_where_it_adds_least():
    """To members² / wanted, of which 10.2 and 6.8 are; the 3 add 5.6 to the first, 5.7 else."""
    parts = assign_parts(np.array([[8.0], [5.0], [3.0], [1.0]]), (0.6, 0.4), 1)
    assert parts.tolist() == [0, 1, 0, 1]


def test_the_seed_orders_equal_groups_and_nothing_else_does():
    """A sort that is not stable would do it too, in another way on another processor."""
    counts = np.repeat([[2.0], [1.0]], 60, axis=0)
    parts = assign_parts(counts, (0.5, 0.5), 4)
    order = np.random.default_rng(4).permutation(120)
    for of_one_size in (order[order < 60], order[order >= 60]):
        assert parts[of_one_size].tolist() == [0, 1] * 30


def test_equal_groups_are_shared_out_exactly():
    counts = np.repeat([[1.0, 0.0], [0.0, 1.0]], [1000, 200], axis=0)
    parts = assign_parts(counts, FRACTIONS, 5)
    assert np.bincount(parts[:1000]).tolist() == [700, 100, 200]
    assert np.bincount(parts[1000:]).tolist() == [140, 20, 40]


places = st.fixed_dictionaries(
    {
        "chrom": st.sampled_from(["chr1", "chr2", "chr3"]),
        "start": st.integers(0, 80),
        "end": st.integers(81, 120) | st.integers(81, 82),
        "strand": st.sampled_from("+-"),
    }
)
genes = st.fixed_dictionaries({"gene": st.sampled_from(["G1", "G2", "G3", "t1"])})
fields = (
    st.just({})
    | places
    | genes
    | st.tuples(places, genes).map(lambda two: two[0] | two[1])
    | places.map(lambda place: place | {"strand": None})
)


# Related to none, some of both labels on each chromosome, so that every part can have both.
STRANGERS = [
    (
        LABELS[number % 2],
        {"chrom": f"lone{number // 4}", "start": 10 * number, "end": 10 * number + 9}
        | {"strand": "+", "gene": f"L{number}"},
    )
    for number in range(48)
]


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from([*LABELS, HARD]), fields, st.sampled_from("abcdef")),
        max_size=25,
    ),
    scheme=st.sampled_from(SCHEMES),
    folds=st.integers(2, 6),
    seed=st.integers(0, 2**32),
)
def test_no_group_crosses_parts_or_folds(rows, scheme, folds, seed):
    table = dataset([*(row[:2] for row in rows), *STRANGERS])
    names = [*(row[2] for row in rows), *(f"L{number}" for number in range(len(STRANGERS)))]
    clusters = pd.Series(names, dtype="string")
    held_out = {"validation": ["lone0", "lone1"], "test": ["lone2", "lone3"]}
    split = divide(table, scheme, FRACTIONS, seed, folds, clusters, held_out)
    assert tuple(split.columns) == FOLD_COLUMNS
    assert split["id"].tolist() == table["id"].tolist()
    assert split[["group", "fallback"]].equals(group(table, scheme, clusters))
    is_hard = (table["biotype"] == LINEAR_EXONS).fillna(False)
    assert split["part"][~is_hard].equals(split["group_part"][~is_hard])
    held = (split["group_part"] == "test").map({True: "hard", False: "unused"})
    assert split["part"][is_hard].tolist() == held[is_hard].tolist()
    for column in ("group_part", "fold"):
        assert (split.groupby("group")[column].nunique() == 1).all()
    if scheme == "chromosome":
        named = {name: part for part, names in held_out.items() for name in names}
        wanted = table["chrom"].map(lambda name: named.get(name, "train"), na_action="ignore")
        assert split["group_part"][wanted.notna()].tolist() == wanted.dropna().tolist()
    assert set(split["group_part"]) == set(PARTS)
    assert set(split["fold"]) == set(range(folds))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("fractions", [FRACTIONS, (0.4, 0.3, 0.3)])
def test_every_part_has_its_share_of_every_class(seed, fractions):
    found = shares(MANY, divide(MANY, "gene", fractions, seed)["part"]).to_numpy()
    assert found == pytest.approx(np.array([fractions, fractions]), abs=0.005)


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_every_fold_has_its_share_of_every_class(folds):
    split = divide(MANY, "gene", folds=folds)
    counts = pd.crosstab(MANY["label"], split["fold"])
    assert counts.columns.tolist() == list(range(folds))
    wanted = MANY["label"].value_counts().loc[counts.index].to_numpy()[:, None] / folds
    assert np.abs(counts - wanted).to_numpy().max() <= 8  # not more than one group of them


def test_hard_negatives_are_shared_out_as_a_class_of_their_own():
    hard = [(HARD, {"gene": f"H{number}"}) for number in range(200)]
    table = dataset([*hard, *((label, {"gene": gene}) for label, gene in ROWS)])
    split = divide(table, "gene")
    assert split["part"][:200].value_counts().to_dict() == {"hard": 40, "unused": 160}
    assert split["group_part"][:200].value_counts().to_dict() == {
        **{"train": 140, "validation": 20, "test": 40}
    }
    assert split["fold"][:200].value_counts().tolist() == [40] * 5
    assert set(split["part"][200:]) == set(PARTS)


def test_the_random_scheme_shares_out_single_transcripts():
    split = divide(MANY, "random")
    counts = pd.crosstab(MANY["label"], split["part"])[list(PARTS)]
    wanted = np.outer(MANY["label"].value_counts().loc[counts.index], FRACTIONS)
    assert np.abs(counts.to_numpy() - wanted).max() < 1
    parts_of_gene = split["part"].groupby(MANY["gene"]).nunique()
    assert (parts_of_gene > 1).sum() > 300  # relatives stand on both sides


@pytest.mark.parametrize("scheme", ["random", "gene", "homology"])
def test_the_seed_decides(scheme):
    one, again, two = (divide(MANY, scheme, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    assert one["group"].tolist() == two["group"].tolist()
    assert (one["part"] != two["part"]).mean() > 0.2
    assert (one["fold"] != two["fold"]).mean() > 0.5


def test_the_order_of_the_transcripts_does_not_matter():
    shuffled = MANY.sample(frac=1, random_state=3)
    one = divide(MANY, "gene").set_index("id")
    two = divide(shuffled, "gene").set_index("id")
    pd.testing.assert_frame_equal(one, two.loc[one.index])


def on_chromosomes(*names, each=4):
    """Transcripts of both labels on chromosomes, `each` of a label."""
    return [
        (label, {"chrom": name, "start": 1, "end": 9, "strand": "+"})
        for name in names
        for label in LABELS
        for _ in range(each)
    ]


def test_exactly_the_named_chromosomes_are_held_out():
    rows = on_chromosomes("chr1", "chr2", "chr3", "chr11", "chrX")
    rows += [(label, {}) for label in LABELS for _ in range(40)]  # without a place
    rows += [(HARD, fields) for _, fields in on_chromosomes("chr1", "chr11", "chrX", each=1)]
    table = dataset(rows)
    held_out = {"validation": ["chr11"], "test": ["chrX", "chr3"]}
    split = divide(table, "chromosome", held_out=held_out)
    placed = table["chrom"].notna()
    part_of = {"chr1": "train", "chr2": "train", "chr11": "validation", "chrX": "test"}
    part_of["chr3"] = "test"
    wanted = table["chrom"][placed].map(part_of)
    assert split["group_part"][placed].tolist() == wanted.tolist()
    assert split["group"][placed].tolist() == ("chromosome:" + table["chrom"][placed]).tolist()
    assert split["part"].tail(6).tolist() == ["unused"] * 4 + ["hard"] * 2
    assert split["fallback"].tolist() == (~placed).tolist()
    others = split["part"][~placed].value_counts()  # divided by the fractions
    assert others.to_dict() == pytest.approx({"train": 56, "test": 16, "validation": 8}, abs=16)


def test_hard_negatives_of_test_groups_are_never_trained_on():
    group_part = pd.Series([*PARTS, *PARTS], dtype="string")
    is_hard = np.array([False] * 3 + [True] * 3)
    kept_out = parts_of(group_part, is_hard, hard_negatives=False)
    assert kept_out.tolist() == [*PARTS, "unused", "unused", "hard"]
    trained_on = parts_of(group_part, is_hard, hard_negatives=True)
    assert trained_on.tolist() == [*PARTS, "train", "validation", "hard"]


CUT = pd.DataFrame(
    {
        "group": ["a", "a", "b", "b", "c", "c"],
        "part": ["train", "unused", "validation", "validation", "test", "hard"],
        "fold": [0, 0, 1, 1, 2, 2],
        "fallback": False,
    }
)


@pytest.mark.parametrize(
    ("row", "column", "value", "told"),
    [
        (2, "part", "test", "the group b lies in two parts"),
        (4, "part", "train", "the group c lies in two parts"),
        (5, "part", "train", "the group c lies in two parts"),  # a hard negative of a test group
        (1, "part", "hard", "the group a lies in two parts"),
        (1, "fold", 1, "the group a lies in two folds"),
    ],
)
def test_a_cut_group_is_never_let_through(row, column, value, told):
    labels = pd.Series([*LABELS] * 3)
    split = CUT.copy()
    split.loc[row, column] = value
    with pytest.raises(AssertionError, match=told):
        check_split(split, labels, "gene")


def test_a_fault_in_the_division_is_met_at_run_time(monkeypatch):
    monkeypatch.setattr(
        splits, "parts_of", lambda group_part, *_, **__: group_part.sample(frac=1).to_numpy()
    )
    with pytest.raises(AssertionError, match="lies in two parts"):
        divide(MANY, "gene")


def test_whole_groups_with_hard_negatives_pass(caplog):
    caplog.set_level(logging.INFO)
    check_split(CUT.assign(part=[*np.repeat(PARTS, 2)]), pd.Series([*LABELS] * 3), "gene")
    with_hard = pd.concat([CUT, CUT], ignore_index=True)
    with_hard["part"] = [*np.repeat(PARTS, 2), *["unused"] * 4, "hard", "hard"]
    with_hard["fallback"] = [True, False, True] * 4
    check_split(with_hard, pd.Series([*LABELS] * 6), "locus")
    assert caplog.messages[3:] == [
        "locus, train: 1 circRNA, 1 lncRNA, 1 groups",
        "locus, validation: 1 circRNA, 1 lncRNA, 1 groups",
        "locus, test: 1 circRNA, 1 lncRNA, 1 groups",
        "locus: 8 transcripts fell back to their homology cluster",
    ]


def run_split(folder, table, name="split.parquet", *flags, clusters=None):
    """Run the step; give its exit code and output."""
    files = {key: folder / f"{key}.parquet" for key in ("transcripts", "homology")}
    output = folder / "out" / name
    write_table(files["transcripts"], table)
    if clusters is None:
        clusters = pd.DataFrame({"id": table["id"], "cluster": table["id"]})
    write_table(files["homology"], clusters)
    given = [word for key, path in files.items() for word in (f"--{key}", str(path))]
    return main(["split", *given, "--output", str(output), *flags]), output


def test_the_step_writes_the_same_bytes_each_time(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    flags = ["--scheme", "gene", "--fractions", "0.5", "0.25", "0.25", "--seed", "3"]
    code, one = run_split(tmp_path, MANY, "one.parquet", *flags)
    assert code == 0
    told = list(caplog.messages)
    _, two = run_split(tmp_path, MANY, "two.parquet", *flags)
    assert one.read_bytes() == two.read_bytes()
    split = pd.read_parquet(one)
    pd.testing.assert_frame_equal(split, divide(MANY, "gene", (0.5, 0.25, 0.25), 3))
    assert split.dtypes.astype(str).to_dict() == {
        **dict.fromkeys(("id", "group", "part", "group_part"), "string"),
        **{"fold": "int64", "fallback": "bool"},
    }
    sizes = pd.crosstab(split["part"], MANY["label"])
    groups = split.groupby("part")["group"].nunique()
    assert told == [
        f"gene, {part}: {sizes.loc[part, 'circRNA']} circRNA, {sizes.loc[part, 'lncRNA']} lncRNA, "
        f"{groups[part]} groups"
        for part in PARTS
    ]


def test_the_step_without_options_divides_by_genes(tmp_path):
    code, output = run_split(tmp_path, MANY)
    assert code == 0
    expected = divide(MANY, "gene", (0.7, 0.1, 0.2), seed=1, folds=5)
    pd.testing.assert_frame_equal(pd.read_parquet(output), expected)


def test_the_step_takes_clusters_folds_and_chromosomes(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    table = dataset([*on_chromosomes("chr1", "chr2", "chr3"), ("circRNA", {})])
    clusters = pd.DataFrame({"id": table["id"], "cluster": ["t0"] * 25}, dtype="string")
    flags = ["--scheme", "chromosome", "--folds", "3", "--validation-chromosomes", "chr2"]
    flags += ["--test-chromosomes", "chr3"]
    code, output = run_split(tmp_path, table, "split.parquet", *flags, clusters=clusters)
    assert code == 0
    split = pd.read_parquet(output)
    assert split["part"].tolist() == [*np.repeat(["train", "validation", "test"], 8), "train"]
    assert split["group"].iloc[-1] == "chromosome:chr1"
    assert split["fallback"].tolist() == [False] * 24 + [True]
    assert split["fold"].nunique() == 3
    assert caplog.messages[-1] == "chromosome: 1 transcripts fell back to their homology cluster"


def test_fewer_groups_than_folds_leave_the_last_folds_empty(tmp_path, caplog):
    table = dataset(on_chromosomes("chr1", "chr2", "chr3", "chr4"))
    flags = ["--scheme", "chromosome", "--folds", "6", "--validation-chromosomes", "chr2"]
    code, output = run_split(tmp_path, table, "split.parquet", *flags, "--test-chromosomes", "chr3")
    assert code == 0
    assert sorted(pd.read_parquet(output)["fold"].value_counts().items()) == [
        *((0, 8), (1, 8), (2, 8), (3, 8))
    ]
    told = "chromosome: the fold 4 of 6 has no lncRNA: nothing can be tested on the folds"
    assert told in caplog.messages


BALANCED = [(label, {"gene": f"{label}{number}"}) for number in range(20) for label in LABELS]
CHROMOSOMES = on_chromosomes("chr1", "chr2", "chr3", "chr4", "chr5")


@pytest.mark.parametrize(
    ("rows", "flags", "message"),
    [
        (
            [(label, {"gene": gene}) for gene in ("G1", "G2") for label in LABELS] * 5,
            ["--folds", "2"],
            "dataset: only 2 groups under the scheme 'gene' for 3 parts; use more data or another "
            "split scheme, or leave this one out of split.audit\n",
        ),
        (
            [("circRNA", {"gene": f"G{number}"}) for number in range(20)]
            + [("lncRNA", {"gene": "N"})] * 20,
            [],
            "dataset: the validation part has no lncRNA under the scheme 'gene'; use more data, a "
            "larger fraction or another split scheme, or leave this one out of split.audit\n",
        ),
        (
            BALANCED,
            ["--fractions", "0.98", "0.01", "0.01"],
            "dataset: the validation part has no lncRNA under the scheme 'gene'",
        ),
        # Hard negatives are no lncRNAs of a part.
        (
            [row for row in BALANCED if row[0] == "circRNA"] + [(HARD, {"gene": "H"})] * 20,
            [],
            "dataset: the train part has no lncRNA under the scheme 'gene'",
        ),
        *(
            (
                [(label, {}) for label in LABELS] * 20,
                ["--scheme", scheme],
                f"dataset: no transcript has the place or gene that the scheme '{scheme}' asks "
                "for; use sources that tell places, or the scheme homology; leave this out of "
                "split.audit",
            )
            for scheme in ("gene", "locus", "chromosome")
        ),
        (
            CHROMOSOMES,
            ["--scheme", "chromosome", "--test-chromosomes", "chr3", "3"],
            "split.chromosomes: 3: no transcript is on this chromosome; name others, of chr1, "
            "chr2, chr3, chr4, chr5, or leave this one out of split.audit\n",
        ),
        (
            CHROMOSOMES,
            [
                *("--scheme", "chromosome", "--test-chromosomes", "chr3"),
                *("--validation-chromosomes", "chr1", "chr3"),
            ],
            "split.chromosomes: chr3: named twice; name it once\n",
        ),
        (
            CHROMOSOMES,
            ["--scheme", "chromosome", "--test-chromosomes", "chr3", "chr3"],
            "split.chromosomes: chr3: named twice; name it once\n",
        ),
        (
            CHROMOSOMES,
            ["--scheme", "chromosome", "--test-chromosomes", "chr3"],
            "dataset: the validation part has no lncRNA under the scheme 'chromosome'",
        ),
        (BALANCED, ["--folds", "1"], "--folds: 1 is too few; give 2 or more\n"),
        (
            on_chromosomes(*(f"chr{number}" for number in range(10, 42)), each=1),
            ["--scheme", "chromosome", "--test-chromosomes", "chr9"],
            "split.chromosomes: chr9: no transcript is on this chromosome; name others, of "
            + ", ".join(f"chr{number}" for number in range(10, 40))
            + ", or leave this one out of split.audit\n",
        ),
        (
            BALANCED,
            ["--fractions", "0.5", "0.5", "0.5"],
            "fractions: [0.5, 0.5, 0.5] are not positive shares of 1; give one for each of "
            "('train', 'validation', 'test')\n",
        ),
        (BALANCED, ["--fractions", "0.7", "0.1", "0.20001"], "fractions: [0.7, 0.1, 0.20001] are"),
        (BALANCED, ["--fractions", "0.8", "0.2", "0"], "fractions: [0.8, 0.2, 0.0] are not"),
        (BALANCED, ["--fractions", "1.2", "-0.4", "0.2"], "fractions: [1.2, -0.4, 0.2] are not"),
        (BALANCED, ["--fractions", "nan", "0.1", "0.2"], "fractions: [nan, 0.1, 0.2] are not"),
        (BALANCED, ["--fractions", "0.7", "nan", "0.2"], "fractions: [0.7, nan, 0.2] are not"),
    ],
)
def test_bad_input_writes_nothing(tmp_path, capsys, rows, flags, message):
    code, output = run_split(tmp_path, dataset(rows), "split.parquet", *flags)
    assert code == 2
    assert capsys.readouterr().err.startswith(f"circlet split: error: {message}")
    assert not output.parent.exists()


def test_fractions_that_the_machine_cannot_sum_to_one_are_taken(tmp_path):
    assert sum([0.6, 0.3, 0.1]) < 1
    code, output = run_split(
        tmp_path, dataset(BALANCED), "s.parquet", *["--fractions", ".6", ".3", ".1"]
    )
    assert code == 0
    counts = pd.read_parquet(output)["part"].value_counts()
    assert counts.to_dict() == {"train": 24, "validation": 12, "test": 4}


def test_tables_that_are_not_those_of_the_dataset_are_refused(tmp_path, capsys):
    code, output = run_split(tmp_path, pd.DataFrame({"id": ["a"]}))
    assert code == 2
    assert "transcripts.parquet: lacks the columns ['source', 'label'," in capsys.readouterr().err
    table = dataset(BALANCED)
    clusters = pd.DataFrame({"id": table["id"].to_numpy()[::-1], "cluster": "c"})
    assert run_split(tmp_path, table, clusters=clusters)[0] == 2
    told = capsys.readouterr().err
    assert told.endswith(
        f"{tmp_path}/homology.parquet: is not of {tmp_path}/transcripts.parquet; make it again\n"
    )
    assert run_split(tmp_path, table, clusters=clusters[["id"]])[0] == 2
    assert "homology.parquet: lacks the columns ['cluster']" in capsys.readouterr().err
    assert not output.parent.exists()


@pytest.mark.parametrize("seed", ["-1", "4294967296", "one", "1.5"])
def test_seed_out_of_range_is_refused(seed, capsys):
    files = ["--transcripts", "t", "--homology", "h", "--output", "o"]
    with pytest.raises(SystemExit) as end:
        main(["split", *files, "--seed", seed])
    assert end.value.code == 2
    expected = f"argument --seed: '{seed}' is not a whole number from 0 to 4294967295"
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "the following arguments are required: --transcripts, --homology, --output"),
        (["--scheme", "family"], "argument --scheme: invalid choice: 'family' (choose from"),
        (["--fractions", "0.8", "0.2"], "argument --fractions: expected 3 arguments"),
    ],
)
def test_a_command_line_that_makes_no_sense(capsys, words, problem):
    with pytest.raises(SystemExit) as end:
        main(["split", *words])
    assert end.value.code == 2
    assert problem in capsys.readouterr().err
