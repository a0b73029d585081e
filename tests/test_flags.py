import pytest

from circlet.data.records import Entry
from circlet.flags import FLAGS, REASONS, flags_of, reason_of
from circlet.letters import count_letters


@pytest.mark.parametrize(
    ("sequence", "length", "reason"),
    [
        ("ACGTA", 5, ""),
        ("ACGTANN", 7, ""),
        ("ACGTNNNN", 8, "too_short"),
        ("", 0, "too_short"),
        ("ACGT-", 5, "not_nucleotides"),
        ("ACGTA-", 6, "not_nucleotides"),
        ("ACGTA", 6, "too_long"),
        ("AC*", 6, "too_long"),
    ],
)
def test_the_first_reason_is_told(sequence, length, reason):
    entry = Entry("a", sequence, length)
    assert reason_of(entry, count_letters(sequence), 5) == reason


def test_flags_are_told_in_one_order():
    assert flags_of("", count_letters("ACN"), True, True, True) == FLAGS[len(REASONS) :]
    assert flags_of("", count_letters("ACG"), False, False, False) == ()
    assert flags_of("", count_letters("ACG"), False, True, False) == ("seen_in_training",)


@pytest.mark.parametrize(
    ("reason", "flags"),
    [
        ("too_long", ("too_long",)),
        ("not_nucleotides", ("not_nucleotides",)),
        ("too_short", ("too_short", "ambiguous_bases")),
    ],
)
def test_what_has_no_call_is_told_its_reason_first_and_little_else(reason, flags):
    assert flags_of(reason, count_letters("ACN"), True, True, True) == flags
    assert flags_of(reason, count_letters("ACG"), True, True, True) == flags[:1]
