import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet.cli import main
from circlet.data.records import Record, records_to_table
from circlet.data.splits import SCHEMES, assign_parts, split_dataset
from circlet.files import write_table
from circlet.tables import LABELS, PARTS, POSITIVE, SPLIT_COLUMNS

FRACTIONS = (0.7, 0.1, 0.2)


def transcripts(rows):
    """A dataset of (label, gene) pairs, ids `t0`, `t1` and so on."""
    records = [Record(f"t{place}", "ACGT", gene=gene) for place, (_, gene) in enumerate(rows)]
    labels = pd.Series([label for label, _ in rows], dtype="string")
    return records_to_table(records, "mine", POSITIVE, None).assign(label=labels)


def many():
    """A dataset of 300 genes a label, 1 to 8 transcripts each; a third of the genes have both."""
    generator = np.random.default_rng(0)
    return transcripts(
        [
            (label, f"{'shared' if gene % 3 == 0 else label}{gene}")
            for label in LABELS
            for gene in range(300)
            for _ in range(generator.integers(1, 9))
        ]
    )


MANY = many()


def shares(table, split):
    """Share of each label's transcripts in each part: labels x parts."""
    counts = pd.crosstab(table["label"], split["part"])[list(PARTS)]
    return counts.div(counts.sum(axis=1), axis=0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_group_goes_where_its_class_is_wanting(seed):
    counts = np.array([[1, 0], [6, 0], [3, 0], [0, 3], [0, 6], [0, 1]], dtype=float)
    parts = assign_parts(counts, (0.6, 0.3, 0.1), seed)
    assert parts.tolist() == [2, 0, 1, 1, 0, 2]


def test_equal_groups_are_shared_out_exactly():
    counts = np.repeat([[1.0, 0.0], [0.0, 1.0]], [1000, 200], axis=0)
    parts = assign_parts(counts, FRACTIONS, 5)
    assert np.bincount(parts[:1000]).tolist() == [700, 100, 200]
    assert np.bincount(parts[1000:]).tolist() == [140, 20, 40]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(LABELS), st.sampled_from([None, "G1", "G2", "t1", "G3"])),
        max_size=20,
    ),
    scheme=st.sampled_from(list(SCHEMES)),
    seed=st.integers(0, 2**32),
)
def test_no_group_is_cut(rows, scheme, seed):
    lone = [(label, f"{label}{number}") for label in LABELS for number in range(20)]
    table = transcripts([*rows, *lone])
    split = split_dataset(table, scheme, FRACTIONS, seed)
    assert tuple(split.columns) == SPLIT_COLUMNS
    assert split["id"].tolist() == table["id"].tolist()
    assert set(split["part"]) == set(PARTS)
    relatives = table["gene"].fillna("none of its own: " + table["id"])
    pairs = pd.DataFrame({"gene": relatives, "group": split["group"]}).drop_duplicates()
    if scheme == "gene":  # genes and groups are the same thing by two names
        assert pairs["gene"].is_unique
        assert pairs["group"].is_unique
        assert (split.groupby("group")["part"].nunique() == 1).all()
    else:
        assert split["group"].is_unique


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("fractions", [FRACTIONS, (0.4, 0.3, 0.3)])
def test_every_part_has_its_share_of_every_class(seed, fractions):
    found = shares(MANY, split_dataset(MANY, "gene", fractions, seed)).to_numpy()
    assert found == pytest.approx(np.array([fractions, fractions]), abs=0.005)


def test_the_random_scheme_shares_out_single_transcripts():
    split = split_dataset(MANY, "random", FRACTIONS, 1)
    counts = pd.crosstab(MANY["label"], split["part"])[list(PARTS)]
    wanted = np.outer(MANY["label"].value_counts().loc[counts.index], FRACTIONS)
    assert np.abs(counts.to_numpy() - wanted).max() < 1
    parts_of_gene = split.groupby(MANY["gene"])["part"].nunique()
    assert (parts_of_gene > 1).sum() > 300  # relatives stand on both sides


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_seed_decides(scheme):
    one, again, two = (split_dataset(MANY, scheme, FRACTIONS, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    assert one["group"].tolist() == two["group"].tolist()
    assert (one["part"] != two["part"]).mean() > 0.2


def test_the_order_of_the_transcripts_does_not_matter():
    shuffled = MANY.sample(frac=1, random_state=3)
    one = split_dataset(MANY, "gene", FRACTIONS, 1).set_index("id")
    two = split_dataset(shuffled, "gene", FRACTIONS, 1).set_index("id")
    pd.testing.assert_frame_equal(one, two.loc[one.index])


def test_a_transcript_without_a_gene_is_a_group_of_its_own():
    genes = ["G1", None, "G1", None, "t1", "t3"]
    rows = [(label, gene) for gene in genes for label in LABELS]
    lone = [(label, f"L{number}{label}") for label in LABELS for number in range(10)]
    split = split_dataset(transcripts(rows + lone), "gene", (0.4, 0.3, 0.3), 1)
    assert split["group"].tolist()[:12] == [
        *("gene:G1", "gene:G1", "transcript:t2", "transcript:t3"),
        *("gene:G1", "gene:G1", "transcript:t6", "transcript:t7"),
        *("gene:t1", "gene:t1", "gene:t3", "gene:t3"),  # genes named as transcripts are
    ]


def run_split(folder, table, name="split.parquet", *flags):
    """Run the step; give its exit code and output."""
    source, output = folder / "transcripts.parquet", folder / "out" / name
    write_table(source, table)
    return main(["split", "--transcripts", str(source), "--output", str(output), *flags]), output


def test_the_step_writes_the_same_bytes_each_time(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    flags = ["--scheme", "gene", "--fractions", "0.5", "0.25", "0.25", "--seed", "3"]
    code, one = run_split(tmp_path, MANY, "one.parquet", *flags)
    assert code == 0
    told = list(caplog.messages)
    _, two = run_split(tmp_path, MANY, "two.parquet", *flags)
    assert one.read_bytes() == two.read_bytes()
    split = pd.read_parquet(one)
    pd.testing.assert_frame_equal(split, split_dataset(MANY, "gene", (0.5, 0.25, 0.25), 3))
    assert split.dtypes.astype(str).tolist() == ["string"] * 3
    sizes = pd.crosstab(split["part"], MANY["label"])
    groups = split.groupby("part")["group"].nunique()
    assert told == [
        f"gene, {part}: {sizes.loc[part, 'circRNA']} circRNA, {sizes.loc[part, 'lncRNA']} lncRNA, "
        f"{groups[part]} groups"
        for part in PARTS
    ]


BALANCED = [(label, f"{label}{number}") for number in range(20) for label in LABELS]


@pytest.mark.parametrize(
    ("rows", "flags", "message"),
    [
        (
            [(label, gene) for gene in ("G1", "G2") for label in LABELS] * 5,
            [],
            "dataset: only 2 groups under the scheme 'gene' for 3 parts; use more data or another",
        ),
        (
            [("circRNA", f"G{number}") for number in range(20)] + [("lncRNA", "N")] * 20,
            [],
            "dataset: the validation part has no lncRNA under the scheme 'gene'; use more data, a "
            "larger fraction or another split scheme",
        ),
        (
            BALANCED,
            ["--fractions", "0.98", "0.01", "0.01"],
            "dataset: the validation part has no lncRNA under the scheme 'gene'",
        ),
        (BALANCED, ["--fractions", "0.5", "0.5", "0.5"], "fractions: [0.5, 0.5, 0.5] are not"),
        (BALANCED, ["--fractions", "0.8", "0.2", "0"], "fractions: [0.8, 0.2, 0.0] are not"),
        (BALANCED, ["--fractions", "1.2", "-0.4", "0.2"], "fractions: [1.2, -0.4, 0.2] are not"),
        (BALANCED, ["--fractions", "nan", "0.1", "0.2"], "fractions: [nan, 0.1, 0.2] are not"),
        (BALANCED, ["--fractions", "0.7", "nan", "0.2"], "fractions: [0.7, nan, 0.2] are not"),
    ],
)
def test_bad_input_writes_nothing(tmp_path, capsys, rows, flags, message):
    code, output = run_split(tmp_path, transcripts(rows), "split.parquet", *flags)
    assert code == 2
    assert capsys.readouterr().err.startswith(f"circlet split: error: {message}")
    assert not output.parent.exists()


def test_a_table_that_is_no_dataset_is_refused(tmp_path, capsys):
    code, output = run_split(tmp_path, pd.DataFrame({"id": ["a"]}))
    assert code == 2
    assert "transcripts.parquet: lacks the columns ['source', 'label'," in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize("seed", ["-1", "4294967296", "one", "1.5"])
def test_seed_out_of_range_is_refused(seed, capsys):
    with pytest.raises(SystemExit) as end:
        main(["split", "--transcripts", "t", "--output", "o", "--seed", seed])
    assert end.value.code == 2
    expected = f"argument --seed: '{seed}' is not a whole number from 0 to 4294967295"
    assert expected in capsys.readouterr().err
