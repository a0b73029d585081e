import hashlib

import numpy as np

from circlet.hashes import hash_sequences


def test_a_hash_is_that_of_dna_in_upper_case():
    digest = hashlib.blake2b(b"ACGTN", digest_size=8).digest()
    found = hash_sequences(["ACGTN", "acgun", "ACGUn"])
    assert found.dtype == np.uint64
    assert found.tolist() == [int.from_bytes(digest, "little")] * 3


def test_hashes_stay_the_same_from_release_to_release():
    """Those in a checkpoint that was made before are compared with new ones."""
    assert hash_sequences(["ACGT", ""]).tolist() == [5148239889300062058, 13020603013274838756]


def test_other_sequences_have_other_hashes():
    found = hash_sequences(bases * count for bases in "ACGT" for count in range(1, 200))
    assert len(set(found.tolist())) == 796


def test_no_sequences_have_no_hashes():
    assert hash_sequences([]).shape == (0,)
