"""Sections of the dataset card on how far to trust a score: splits, leakage and confounds."""

from circlet.data.card.datasheet import HARD_NEGATIVES
from circlet.data.card.inputs import Sheet
from circlet.data.card.words import (
    DESCRIPTOR_WORDS,
    PART_WORDS,
    find_confound,
    main_scheme,
    with_interval,
)
from circlet.layout import Section, Table
from circlet.pages import count, number
from circlet.tables import HARD, HARD_TAUGHT, MATCHED, NEGATIVE, POSITIVE, RELATIONS, TEST
from circlet.words import (
    BOOSTING,
    CLASS_WORDS,
    DASH,
    RELATIVE_WORDS,
    SCHEME_WORDS,
    TEST_SET_MEANINGS,
    TEST_SET_WORDS,
    heading,
    listed,
    name_class,
    percent,
)

# Shown of every scheme; all others of the main one alone.
FEW_DESCRIPTORS = ("length", "stop_free_linear", "coding_potential", BOOSTING)


def tell_splits(sheet: Sheet) -> Section:
    """How the dataset is divided."""
    splits, classes = sheet["splits"], list(sheet["classes"])
    sentences = [
        "Related transcripts must not stand on both sides of a split, else a score tells how well "
        "a model remembers. A scheme says what counts as related and so makes a group; no group "
        "lies in two parts, nor in two folds. The part train fits a model, validation chooses "
        "among its states, and test is scored.",
    ]
    fallen = [f"{split['fallback']:,} ({split['scheme']})" for split in splits if split["fallback"]]
    if fallen:
        sentences.append(
            "Transcripts without the gene or place that a scheme asks for fall back to their group "
            f"of similar sequences: {listed(fallen)}."
        )
    schemes = [
        [
            split["scheme"],
            SCHEME_WORDS.get(split["scheme"], DASH),
            *(count(split[name]) for name in ("groups", "largest_group", "fallback")),
            count(split["folds"] or None),
        ]
        for split in splits
    ]
    parts = [
        [
            split["scheme"],
            PART_WORDS.get(part["part"], part["part"]),
            *(count(part[name]) for name in classes),
            count(part["groups"]),
        ]
        for split in splits
        for part in split["parts"]
    ]
    heads = ("Scheme", "What stays together", "Groups", "Largest group", "Fell back", "Folds")
    names = [heading(CLASS_WORDS[name]) for name in classes]
    tables = [
        Table("Split schemes; the largest group is told in transcripts", heads, schemes, (0, 1)),
        Table("Parts of each split", ("Scheme", "Part", *names, "Groups"), parts, (0, 1)),
    ]
    return Section("splits", "Splits", sentences, tables=tables)


def tell_leakage(sheet: Sheet) -> Section:
    """How many test sequences have a relative in training."""
    intro = (
        "What the schemes are worth: the share of the test sequences that have a relative in the "
        "training part, by five measures of kinship, and what a mere look-up of the training "
        "part's 31-mers scores on the test part. Where the look-up scores well, remembering "
        "pays, and a score under that scheme says little about new sequences."
    )
    rows = [
        [
            row["scheme"],
            row["label"],
            count(row["n_train"]),
            count(row["n_test"]),
            *(percent(row[name]) for name in RELATIONS),
            number(row["memoriser_auroc"]),
            number(row["memoriser_mcc"]),
        ]
        for row in sheet["leakage"]
    ]
    relatives = [heading(RELATIVE_WORDS[name]) for name in RELATIONS]
    columns = ("Scheme", "Label", "Train", "Test", *relatives, "Look-up AUROC", "Look-up MCC")
    caption = "Test sequences with a relative in the training part, and the look-up's scores"
    points = [tell_relatives(row) for row in sheet["leakage"] if row["label"] == "all"]
    table = Table(caption, columns, rows, (0, 1))
    return Section("leakage", "Leakage audit", [intro], points, [table])


def tell_relatives(row: Sheet) -> str:
    """Say what the audit found under a scheme, for both labels."""
    known = {name: row[name] for name in RELATIONS if row[name] is not None}
    if not known:
        return f"{row['scheme']}: no kinship is known."
    most = max(known, key=known.__getitem__)
    said = (
        f"{row['scheme']}: {percent(known[most])} of {count(row['n_test'])} test sequences have a "
        f"relative in training by the widest measure ({RELATIVE_WORDS[most]})"
    )
    if row["memoriser_auroc"] is not None:
        said += f"; the look-up has an AUROC of {number(row['memoriser_auroc'])}"
    return f"{said}."


def tell_confounds(sheet: Sheet) -> Section:
    """How well simple descriptors separate the classes."""
    scheme = main_scheme(sheet)
    sentences = [
        "How well one plain property of a sequence separates the classes, without any notion of "
        "circularity. The AUROC is the chance that a circRNA drawn at random ranks above a lncRNA "
        "drawn at random: 0.5 is a coin toss, 1 is perfect. Which way a property ranks is learnt "
        "in the training part, so below 0.5 it points the other way in what is tested.",
    ]
    if scheme is None:
        return Section("confounds", "Confounds", [*sentences, "None was measured."])
    sentences += tell_separation(sheet, scheme)
    notes = ["In brackets: the bootstrap interval."]
    notes += [
        f"{heading(TEST_SET_WORDS[test_set])}: {TEST_SET_MEANINGS[test_set]}."
        for test_set in test_sets_of(sheet, scheme)
        if test_set in TEST_SET_MEANINGS
    ]
    tables = [scheme_table(sheet, scheme), all_schemes_table(sheet)]
    return Section("confounds", "Confounds", sentences, tables=tables, notes=notes)


def tell_separation(sheet: Sheet, scheme: str) -> list[str]:
    """Say which property separates the classes best, and what is left in the matched subset."""
    single = [
        row
        for row in sheet["confounds"]
        if (row["scheme"], row["test_set"]) == (scheme, TEST)
        and row["descriptor"] != BOOSTING
        and row["auroc"] is not None
    ]
    if not single:
        return []
    best = max(single, key=lambda row: row["auroc"])
    words = DESCRIPTOR_WORDS.get(best["descriptor"], best["descriptor"])
    together = find_confound(sheet, scheme, TEST, BOOSTING)
    said = [
        f"Under the scheme {scheme} the single property that separates best is: {words}. Its AUROC "
        f"is {with_interval(best)} on {name_class(POSITIVE, best['n_circrna'])} and "
        f"{name_class(NEGATIVE, best['n_lncrna'])}; length, stop-free stretches, "
        f"GC and end bases together, by boosting, have {with_interval(together)}."
    ]
    if left := find_confound(sheet, scheme, MATCHED, best["descriptor"]):
        rest = find_confound(sheet, scheme, MATCHED, BOOSTING)
        said.append(
            f"In the matched subset ({name_class(POSITIVE, left['n_circrna'])} and "
            f"{name_class(NEGATIVE, left['n_lncrna'])}) that property is left with "
            f"{with_interval(left)}, boosting with {with_interval(rest)}."
        )
    return said


def test_sets_of(sheet: Sheet, scheme: str) -> list[str]:
    """The test sets of a scheme, in their order."""
    found = (row["test_set"] for row in sheet["confounds"] if row["scheme"] == scheme)
    return list(dict.fromkeys(found))


def scheme_table(sheet: Sheet, scheme: str) -> Table:
    """All descriptors on all test sets of one scheme."""
    found = (row["descriptor"] for row in sheet["confounds"] if row["scheme"] == scheme)
    sets = test_sets_of(sheet, scheme)
    rows = [
        [
            DESCRIPTOR_WORDS.get(name, name),
            *(with_interval(find_confound(sheet, scheme, test_set, name)) for test_set in sets),
        ]
        for name in dict.fromkeys(found)
    ]
    heads = [heading(TEST_SET_WORDS.get(test_set, test_set)) for test_set in sets]
    caption = f"AUROC and its interval under the scheme {scheme}"
    return Table(caption, ("Property", *heads), rows)


def all_schemes_table(sheet: Sheet) -> Table:
    """Sizes of the test sets of all schemes, and a few descriptors on them."""
    rows = []
    for scheme in dict.fromkeys(row["scheme"] for row in sheet["confounds"]):
        for test_set in test_sets_of(sheet, scheme):
            about = {"scheme": scheme, "test_set": test_set}
            members = [row for row in sheet["confounds"] if about.items() <= row.items()]
            sizes = (max(row[name] for row in members) for name in ("n_circrna", "n_lncrna"))
            scores = (find_confound(sheet, scheme, test_set, name) for name in FEW_DESCRIPTORS)
            rows.append(
                [
                    scheme,
                    TEST_SET_WORDS.get(test_set, test_set),
                    *map(count, sizes),
                    *(number(row["auroc"]) if row else DASH for row in scores),
                ]
            )
    heads = (heading(DESCRIPTOR_WORDS[name]) for name in FEW_DESCRIPTORS)
    columns = ("Scheme", "Test set", "circRNAs", "Negatives", *heads)
    return Table("Sizes of the test sets of all schemes, and AUROCs", columns, rows, (0, 1))


def tell_hard_negatives(sheet: Sheet) -> Section:
    """What the hard negatives are, and what is left of the scores on them."""
    classes = sheet["classes"]
    hard, positive = (classes.get(name) for name in (HARD_NEGATIVES, POSITIVE))
    if not hard:
        said = (
            "This dataset has none. They would be runs of internal exons of linear coding "
            "transcripts, matched to the circRNAs in length, and in exon number where it is known; "
            "only against them is it seen what a model knows beyond the signs of coding exons."
        )
        return Section("hard", "Hard negatives", [said])
    sentences = [
        f"{name_class(HARD_NEGATIVES, hard['transcripts']).capitalize()}: runs of consecutive "
        "internal exons of linear coding transcripts, from genes and places without a circRNA in "
        "the set, matched to the circRNAs in length, and in exon number where it is known. They "
        "are no lncRNAs, and none is counted among the lncRNAs of this card. Those of the test "
        "groups make the part hard, a test set of its own; the others are unused, unless a run "
        "trains on them.",
    ]
    if positive:
        length, exons = ((hard[name], positive[name]) for name in ("length", "exon_number"))
        sentences.append(
            f"Medians of hard negatives and circRNAs: {count(length[0]['median'])} and "
            f"{count(length[1]['median'])} nt; {median(exons[0])} and {median(exons[1])} exons."
        )
    scheme = main_scheme(sheet)
    scored = scheme and find_confound(sheet, scheme, HARD, BOOSTING)
    if scheme and scored:
        against = find_confound(sheet, scheme, TEST, BOOSTING)
        sentences.append(
            f"Under the scheme {scheme}, boosting over length, stop-free stretches, GC and end "
            f"bases, taught on circRNAs and lncRNAs, has an AUROC of {with_interval(against)} "
            f"against lncRNAs, and {with_interval(scored)} against hard negatives."
        )
    taught = scheme and find_confound(sheet, scheme, HARD_TAUGHT, BOOSTING)
    if taught:
        sentences.append(
            f"Taught on circRNAs and hard negatives, it has {with_interval(taught)} against hard "
            "negatives: what such properties tell of circles themselves."
        )
    return Section("hard", "Hard negatives", sentences)


def median(quantiles: Sheet) -> str:
    """A median number of exons; a dash where none is known."""
    return f"{quantiles['median']:g}" if quantiles["known"] else DASH
