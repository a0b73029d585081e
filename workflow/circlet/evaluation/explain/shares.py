"""What the inputs of the networks are worth to a call: the k-mers in sum, each descriptor alone."""

import numpy as np
import pandas as pd

from circlet.composition import CODON, WORD
from circlet.descriptors import BASES, DESCRIPTORS
from circlet.model.attributed import Attribution

KMERS, END_KMERS = "k-mers", "k-mers at the ends"


def words(length: int) -> list[str]:
    """All words of a length, in the order of their letters."""
    found = [""]
    for _ in range(length):
        found = [word + base for word in found for base in BASES]
    return found


def group_of(descriptor: str) -> str:
    """The kind of one of the 16 descriptors."""
    if descriptor.startswith(("first_", "last_")):
        return "end bases"
    return {"log_length": "length", "gc": "GC"}.get(descriptor, "stop-free stretches")


def descriptor_table(attribution: Attribution, features: np.ndarray) -> pd.DataFrame:
    """Tell what the inputs of the networks are worth: the k-mers in sum, each descriptor alone.

    Args:
        attribution: Of one transcript.
        features: `circlet.composition` of it, shape (356,).

    Returns:
        Columns `group`, `descriptor`, `value` (of the descriptor, missing for k-mers) and
        `attribution`; without groups that the networks do not see.
    """
    names = [*DESCRIPTORS, *words(WORD), *words(CODON)]
    groups = [group_of(name) for name in DESCRIPTORS]
    groups += ["4-mers"] * len(words(WORD)) + ["codons"] * len(words(CODON))
    sums = [attribution.kmers.sum(), attribution.ends.sum()]
    table = pd.DataFrame(
        {
            "group": [KMERS, END_KMERS, *groups],
            "descriptor": ["all", "all", *names],
            "value": [np.nan, np.nan, *features[: len(names)].tolist()],
            "attribution": [*sums, *attribution.descriptors],
        }
    )
    is_seen = table["attribution"].ne(0).groupby(table["group"]).transform("any")
    return table[is_seen | (table["group"] == KMERS)]
