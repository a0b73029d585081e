"""What the dataset card says of the dataset's known limits."""

import pytest

from circlet.data.card.limits import (
    balance,
    few_groups,
    missing,
    negatives,
    reference,
    relatives,
    small,
    unseen,
)
from circlet.pages import DASH, FEW_GROUPS, SMALL_SAMPLE
from circlet.tables import RELATIONS


def audited(scheme, groups=FEW_GROUPS, **shares):
    """Rows of the leakage audit; `shares` are (all, circRNA, lncRNA) by relation, others 0."""
    return [
        {"scheme": scheme, "label": label, "groups": groups}
        | {name: shares.get(name, (0.0, 0.0, 0.0))[place] for name in RELATIONS}
        for place, label in enumerate(("all", "circRNA", "lncRNA"))
    ]


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
    assert "The test part has few groups: 2 (random) and 2 (gene). Intervals are" in text
    assert "here are 4 of 31,939 circRNAs that were reported." in text
    assert "50.0 % of both classes are circRNAs" in text
    assert "No source marks repeats by lower case" in text


def test_the_scheme_with_fewest_relatives_has_them_in_neither_label():
    clean_in_all = audited("gene", same_gene=(0.01, 0.02, 0.0), shared_31mer=(0.05, 0.5, 0.01))
    even = audited("locus", identity_80=(0.125, 0.1, 0.2))
    unknown = audited("homology", same_gene=(0.3, 0.3, 0.3), shared_splice_site=(None,) * 3)
    assert relatives({"leakage": clean_in_all + even + unknown}) == (
        "No split is free of relatives by every measure; fewest has locus, with 20.0 % of one "
        "label by the widest one."
    )


def test_a_random_split_leaks_by_its_widest_measure():
    rows = audited("random", same_gene=(0.5, 0.6, 0.4), shared_31mer=(0.4, 0.9, 0.1))
    leaks = (
        "A random split leaks: 50.0 % of its test sequences have a relative in training (same "
        "gene), so scores under it are not to be quoted."
    )
    only = (
        "No split is free of relatives by every measure; fewest has random, with 90.0 % of one "
        "label by the widest one."
    )
    assert relatives({"leakage": rows}) == f"{leaks} {only}"
    free = "Under gene no test sequence has a relative in training by any measure."
    assert relatives({"leakage": rows + audited("gene")}) == f"{leaks} {free}"
    assert relatives({"leakage": audited("random")}) == free.replace("gene", "random")
    assert relatives({"leakage": []}) == ""


ITS_OWN = (
    "Under random each transcript is its own group, so that intervals take relatives for "
    "independent and are too narrow."
)


def test_intervals_of_few_groups_are_a_limit():
    enough = audited("gene") + audited("locus", FEW_GROUPS + 1)
    assert few_groups({"leakage": enough}) == ""
    assert few_groups({"leakage": audited("random", 999)}) == ITS_OWN
    # A label may have fewer groups than both together.
    enough[1]["groups"] = FEW_GROUPS - 1
    assert few_groups({"leakage": enough}) == ""
    few = enough + audited("chromosome", FEW_GROUPS - 1)
    told = (
        "The test part has few groups: 19 (chromosome). Intervals are drawn from whole groups, and "
        "from so few they are rough."
    )
    assert few_groups({"leakage": few}) == told
    assert few_groups({"leakage": audited("random", 999) + few}) == f"{told} {ITS_OWN}"


def test_small_test_parts_are_a_limit():
    def split(scheme, **parts):
        sizes = [{"part": part, "transcripts": size} for part, size in parts.items()]
        return {"scheme": scheme, "parts": sizes}

    enough = split("gene", train=SMALL_SAMPLE - 1, validation=3, test=SMALL_SAMPLE, hard=2)
    assert small({"splits": [enough]}) == ""
    told = small({"splits": [enough, split("locus", train=9999, test=SMALL_SAMPLE - 1)]})
    assert told.startswith("The test parts are small: 199 (locus) transcripts. Take scores on")


@pytest.mark.parametrize(
    ("circrnas", "lncrnas", "expected"),
    [
        (3, 1, "75.0 % of both classes are circRNAs, so that always saying circRNA has that"),
        (1, 3, "75.0 % of both classes are lncRNAs, so that always saying lncRNA has that"),
    ],
)
def test_the_larger_class_has_the_accuracy_of_its_share(circrnas, lncrnas, expected):
    sizes = {"circRNA": circrnas, "lncRNA": lncrnas, "hard_negatives": 90}
    sheet = {"classes": {name: {"transcripts": size} for name, size in sizes.items()}}
    assert balance(sheet).startswith(expected)


def test_only_counts_that_differ_from_the_literature_are_told():
    def step(label, remaining, reported):
        return {"label": label, "remaining": remaining, "reference": reported}

    circrna, lncrna = step("circRNA", 4, 31939), step("lncRNA", 9, 10)
    same, unknown = step("circRNA", 7, 7), step("lncRNA", 7, None)
    assert reference({"steps": [same, unknown]}) == ""
    assert "here are 9 of 10 lncRNAs that were" in reference({"steps": [same, unknown, lncrna]})
    both = reference({"steps": [circrna, lncrna]})
    assert "here are 4 of 31,939 circRNAs and 9 of 10 lncRNAs that were reported." in both


def test_overlaps_that_are_left_out_are_no_limit(card):
    def told(in_dataset):
        flag = {"flag": "overlaps_circrna", "in_dataset": in_dataset}
        return negatives(card.sheet | {"flags": [flag]})

    assert told(0).endswith("a circRNA that the sources lack may be among them.")
    assert told(0) + " 3 of 4 lncRNAs overlap a circRNA on the same strand and are kept." == told(3)


def test_what_every_transcript_tells_is_not_missing(card):
    classes = card.sheet["classes"]
    placed = {name: row | {"without_place": 0} for name, row in classes.items()}
    told = missing(card.sheet | {"classes": placed})
    assert told.startswith(
        "Of 10 transcripts 2 (20.0 %) tell no gene: 1 circRNA and 1 lncRNA. The audit cannot see"
    )
    known = {name: row | {"without_gene": 0} for name, row in placed.items()}
    assert missing(card.sheet | {"classes": known}) == ""


@pytest.mark.parametrize(("known", "told"), [(0, True), (1, False)])
def test_repeats_that_no_source_marks_are_not_measured(known, told):
    sheet = {"transcripts": {"soft_masked_known": known}}
    assert ("No source marks repeats by lower case" in unseen(sheet)) is told
