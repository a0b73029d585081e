import numpy as np
import pytest

from circlet.evaluation.explain.motifs import Read, kmer_table, position_table


def read(sequence, worth, label="circRNA", unread=()):
    is_read = np.ones(len(sequence), dtype=bool)
    is_read[list(unread)] = False
    return Read(sequence, label, np.array(worth, dtype=float), is_read)


SAMPLE = [
    read("ACGACG", [1, 2, 3, 1, 1, 1]),
    read("ACGTTT", [4, 4, 4, -1, -1, -4], "lncRNA"),
    read("ACGAAA", [9, 9, 9, 9, 9, 9], unread=[1, 2, 3]),
]


def test_a_k_mer_is_worth_the_sum_of_its_bases():
    table = kmer_table(SAMPLE)
    assert table["k"].tolist() == sorted(table["k"])
    triplets = table[table["k"] == 3].set_index("kmer")
    acg = triplets.loc["ACG"]
    assert (acg["n"], acg["transcripts"]) == (3, 2)  # where it is not read, it does not count
    assert acg["mean_attribution"] == pytest.approx((6 + 3 + 12) / 3)
    assert (acg["n_circRNA"], acg["n_lncRNA"]) == (2, 1)
    assert acg["mean_circRNA"] == pytest.approx(4.5)
    assert acg["mean_lncRNA"] == 12
    # Of a ratio over two transcripts, whose sums are off by 9 - 2 * 7 and 12 - 7.
    assert acg["standard_error"] == pytest.approx(np.sqrt((25 + 25) * 2 / 1) / 3)
    assert np.isnan(triplets.loc["TTT", "standard_error"])
    assert np.isnan(triplets.loc["TTT", "mean_circRNA"])
    assert "AAA" not in triplets.index
    sextets = table[table["k"] == 6].set_index("kmer")
    assert sextets["mean_attribution"].to_dict() == {"ACGACG": 9.0, "ACGTTT": 6.0}


def test_common_k_mers_come_first_and_the_surest_at_both_ends():
    rng = np.random.default_rng(0)
    sample = []
    for row in range(40):
        worth = np.zeros(40)
        worth[:3], worth[20:23], worth[30:33] = 1 + row % 2 / 10, -1 - row % 2 / 10, 50
        letters = rng.choice(list("AC"), 40)
        letters[:3], letters[20:23] = list("GGG"), list("TTT")
        if row == 0:
            letters[30:33] = list("GTG")
        sample.append(read("".join(letters), worth))
    table = kmer_table(sample)
    triplets = table[table["k"] == 3]
    common = triplets[triplets["is_common"]]
    assert (common["kmer"].iloc[0], common["kmer"].iloc[-1]) == ("GGG", "TTT")
    assert triplets["is_common"].is_monotonic_decreasing
    assert not triplets.set_index("kmer").loc["GTG", "is_common"]  # of one transcript


def test_places_are_counted_from_both_ends():
    table = position_table(SAMPLE).set_index(["anchor", "position"])
    assert len(table) == 100
    first = table.loc[("start", 0)]
    assert (first["n"], first["n_A"], first["n_C"]) == (3, 3, 0)
    assert first["mean_attribution"] == pytest.approx(14 / 3)
    assert first["standard_error"] == pytest.approx(np.std([1, 4, 9], ddof=1) / np.sqrt(3))
    assert np.isnan(first["mean_C"])
    second = table.loc[("start", 1)]  # the third transcript's is not read
    assert (second["n"], second["mean_C"]) == (2, 3)
    last = table.loc[("end", -1)]
    assert last[["mean_G", "mean_T", "mean_A"]].tolist() == [1, -4, 9]
    assert last["mean_attribution"] == pytest.approx(2)
    assert last["mean_absolute"] == pytest.approx(14 / 3)
    beyond = table.loc[("end", -7)]
    assert beyond["n"] == 0
    assert np.isnan(beyond["mean_attribution"])
