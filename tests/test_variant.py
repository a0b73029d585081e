import numpy as np
import pandas as pd
import pytest

from circlet.cli import main
from circlet.data.records import Record, records_to_table
from circlet.data.splits import split_dataset
from circlet.data.variant import vary
from circlet.files import write_table
from circlet.tables import FLAGS, FOLD_COLUMNS, LABELS, LINEAR_EXONS, POSITIVE

FOLDS = 5


def dataset():
    """Sixty genes of a label, 1 to 3 transcripts each; hard negatives in every third."""
    genes = [(label, f"G{gene}") for gene in range(60) for label in LABELS]
    rows = [(label, gene, None) for number, (label, gene) in enumerate(genes * 3) if number % 7 < 5]
    rows += [("lncRNA", f"G{gene}", LINEAR_EXONS) for gene in range(0, 60, 3)]
    records = [
        Record(f"t{number}", "ACGT", gene=gene, biotype=biotype)
        for number, (_, gene, biotype) in enumerate(rows)
    ]
    table = records_to_table(records, "mine", POSITIVE, None)
    table["label"] = pd.array([label for label, _, _ in rows], dtype="string")
    return table.assign(aliases=None, soft_masked=None, **dict.fromkeys(FLAGS, False))


TABLE = dataset()
IS_HARD = (TABLE["biotype"] == LINEAR_EXONS).fillna(False).to_numpy(bool)
NOBODY = {"validation": [], "test": []}
SPLIT = split_dataset(TABLE, TABLE["id"], "gene", (0.6, 0.2, 0.2), FOLDS, NOBODY, 1)


def run_variant(folder, *flags, table=TABLE, split=SPLIT):
    """Run the step; give its exit code and output."""
    output = folder / "out" / "split.parquet"
    write_table(folder / "transcripts.parquet", table)
    write_table(folder / "base.parquet", split)
    files = ["--transcripts", f"{folder}/transcripts.parquet", "--split", f"{folder}/base.parquet"]
    return main(["variant", *files, "--output", str(output), *flags]), output


def test_nothing_asked_for_changes_nothing():
    pd.testing.assert_frame_equal(vary(SPLIT, None, False), SPLIT)


@pytest.mark.parametrize("fold", range(FOLDS))
@pytest.mark.parametrize("hard_negatives", [False, True])
def test_a_fold_is_tested_and_the_next_one_validates(fold, hard_negatives):
    found = vary(SPLIT, fold, hard_negatives)
    order = ["test", "validation", *["train"] * (FOLDS - 2)]
    of_group = [order[(number - fold) % FOLDS] for number in SPLIT["fold"]]
    assert found["group_part"].tolist() == of_group
    trained_on = {"train": "train", "validation": "validation"} if hard_negatives else {}
    of_hard = [{"test": "hard", **trained_on}.get(part, "unused") for part in of_group]
    assert found["part"].tolist() == np.where(IS_HARD, of_hard, of_group).tolist()
    for column in ("id", "group", "fold", "fallback"):
        assert found[column].equals(SPLIT[column])


def test_every_transcript_is_tested_once():
    tested = [vary(SPLIT, fold, True)["part"].isin(["test", "hard"]) for fold in range(FOLDS)]
    assert sum(column.to_numpy(int) for column in tested).tolist() == [1] * len(SPLIT)


def test_hard_negatives_join_the_parts_of_their_groups_save_the_test_part():
    found = vary(SPLIT, None, True)
    assert found["group_part"].equals(SPLIT["group_part"])
    assert found["part"][~IS_HARD].equals(SPLIT["part"][~IS_HARD])
    wanted = SPLIT["group_part"][IS_HARD].replace("test", "hard")
    assert set(wanted) == {"train", "validation", "hard"}
    assert found["part"][IS_HARD].tolist() == wanted.tolist()


@pytest.mark.parametrize("fold", [None, 0, 3])
def test_hard_negatives_of_test_groups_are_never_trained_on(fold):
    found = vary(SPLIT, fold, True)
    tested = set(found["group"][found["part"] == "test"])
    assert (found["part"][found["group"].isin(tested)].isin(["test", "hard"])).all()


def test_the_step_writes_the_same_table_each_time(tmp_path):
    code, output = run_variant(tmp_path, "--fold", "4", "--hard-negatives", "also")
    assert code == 0
    found = pd.read_parquet(output)
    assert tuple(found.columns) == FOLD_COLUMNS
    assert found.dtypes.equals(SPLIT.dtypes)
    pd.testing.assert_frame_equal(found, vary(SPLIT, 4, True))
    once = output.read_bytes()
    run_variant(tmp_path, "--fold", "4", "--hard-negatives", "also")
    assert output.read_bytes() == once


def test_hard_negatives_alone_stand_for_lncrnas_save_in_the_test_part(tmp_path):
    code, output = run_variant(tmp_path, "--hard-negatives", "only")
    assert code == 0
    found, also = pd.read_parquet(output), vary(SPLIT, None, True)
    is_lncrna = ((TABLE["label"] == "lncRNA") & ~IS_HARD).to_numpy(bool)
    assert found["part"][~is_lncrna].equals(also["part"][~is_lncrna])
    assert set(also["part"][is_lncrna]) == {"train", "validation", "test"}
    wanted = also["part"][is_lncrna].replace({"train": "unused", "validation": "unused"})
    assert found["part"][is_lncrna].tolist() == wanted.tolist()
    others = [name for name in FOLD_COLUMNS if name != "part"]
    pd.testing.assert_frame_equal(found[others], SPLIT[others])


def test_a_fold_may_be_held_out_of_a_variant_without_hard_negatives(tmp_path):
    _, output = run_variant(tmp_path, "--fold", "2", split=vary(SPLIT, 1, False))
    pd.testing.assert_frame_equal(pd.read_parquet(output), vary(SPLIT, 2, False))


TWO_FOLDS = SPLIT.assign(fold=SPLIT["fold"] % 2)


def without_fold(fold):
    """The split with the groups of a fold in the first or second fold instead."""
    return SPLIT.assign(fold=SPLIT["fold"].replace(fold, fold % 2))


@pytest.mark.parametrize(
    ("flags", "change", "message"),
    [
        (["--fold", "5"], {}, "--fold: 5 of 5 folds; give one from 0 up, of three folds or more"),
        (["--fold", "-1"], {}, "--fold: -1 of 5 folds"),
        # Folds that no record has, of fewer groups than folds.
        (["--fold", "4"], {"split": without_fold(4)}, "--fold: 4 of 4 folds; give one from 0 up"),
        (
            ["--fold", "2"],
            {"split": without_fold(2)},
            "dataset: the fold 2 of 5 has no lncRNA; use more data, fewer split.folds or another",
        ),
        # Fewer groups than folds: another fold could be tested, but not each in turn.
        (
            ["--fold", "0", "--folds", "5"],
            {"split": without_fold(4)},
            "dataset: the fold 4 of 5 has no lncRNA; use more data",
        ),
        (["--fold", "0", "--folds", "4"], {}, "--folds: 4, but the split has 5; give their number"),
        (["--fold", "0"], {"split": TWO_FOLDS}, "--fold: 0 of 2 folds"),
        ([], {"split": SPLIT[::-1]}, "{folder}/base.parquet: is not of {folder}/transcripts.parqu"),
        ([], {"split": SPLIT.drop(columns="fold")}, "{folder}/base.parquet: lacks the columns"),
        ([], {"table": TABLE.drop(columns="both_labels")}, "{folder}/transcripts.parquet: lacks"),
        (
            ["--fold", "2"],
            {"split": vary(SPLIT, None, True)},
            "{folder}/base.parquet: is itself trained on hard negatives; give the split that it",
        ),
        (
            ["--fold", "0"],
            {"table": TABLE.assign(label=np.where(SPLIT["fold"] == 2, "lncRNA", TABLE["label"]))},
            "dataset: the fold 2 of 5 has no circRNA; use more data",
        ),
    ],
)
def test_bad_input_writes_nothing(tmp_path, capsys, flags, change, message):
    code, output = run_variant(tmp_path, *flags, **change)
    assert code == 2
    told = capsys.readouterr().err
    assert told.startswith(f"circlet variant: error: {message.format(folder=tmp_path)}")
    assert not output.parent.exists()


def test_a_cut_group_is_met_at_run_time(tmp_path):
    cut = SPLIT.copy()
    mate = cut.index[cut["group"] == cut["group"].iloc[0]][-1]
    cut.loc[mate, "fold"] = (cut["fold"].iloc[0] + 1) % FOLDS
    with pytest.raises(AssertionError, match="lies in two"):
        run_variant(tmp_path, "--fold", "0", split=cut)
