from circlet.pages import DASH
from circlet.tables import HARD, HARD_TAUGHT, RELATIONS, SCHEMES, SUBSETS, TEST, VALIDATION
from circlet.words import (
    RELATIVE_WORDS,
    SCHEME_WORDS,
    TEST_SET_MEANINGS,
    TEST_SET_WORDS,
    heading,
    listed,
    name_class,
    name_test_set,
    percent,
)


def test_words_are_joined():
    assert [listed(list(words)) for words in ("", "a", "ab", "abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_numbers_are_told():
    assert name_class("circRNA", 1) == "1 circRNA"
    assert name_class("hard_negatives", 2) == "2 hard negatives"
    assert (percent(0.1234), percent(None)) == ("12.3 %", DASH)


def test_headings_keep_the_small_letter_of_names():
    assert (heading("circRNAs"), heading("hard negatives")) == ("circRNAs", "Hard negatives")


def test_test_sets_are_named_in_words():
    assert name_test_set("test", "test") == "test part"
    assert name_test_set("hard", "hard") == "hard negatives"
    assert name_test_set("mine", "external") == "external set mine"
    told = "external set mine, what shares no 31-mer with training"
    assert name_test_set("mine.unseen", "external") == told


def test_everything_that_is_named_has_words():
    assert tuple(SCHEME_WORDS) == SCHEMES
    assert tuple(RELATIVE_WORDS) == RELATIONS
    assert set(TEST_SET_MEANINGS) == {*SUBSETS, HARD, HARD_TAUGHT}
    assert set(TEST_SET_WORDS) == {*SUBSETS, HARD, HARD_TAUGHT, TEST, VALIDATION}
