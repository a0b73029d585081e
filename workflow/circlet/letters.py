"""What the letters of a sequence are: bases, codes of several bases, or something else.

Bases are A, C, G, T and U, in any case. The other codes of the IUPAC for nucleotides, of which N is
the most frequent, stand for one of several bases (Cornish-Bowden 1985, Nucleic Acids Res. 13:3021).
Anything else, such as the letters of a protein or the gaps of an alignment, is no nucleotide.
"""

from typing import NamedTuple

_BASES = b"ACGTUacgtu"
_AMBIGUOUS = b"RYSWKMBDHVNryswkmbdhvn"


class Letters(NamedTuple):
    """How many letters of each kind a sequence has."""

    bases: int
    ambiguous: int
    others: int


def count_letters(sequence: str) -> Letters:
    """Count the letters of a sequence by their kind."""
    not_bases = sequence.encode("ascii", "replace").translate(None, _BASES)
    others = len(not_bases.translate(None, _AMBIGUOUS))
    return Letters(len(sequence) - len(not_bases), len(not_bases) - others, others)
