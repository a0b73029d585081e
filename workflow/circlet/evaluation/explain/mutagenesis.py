"""In-silico mutagenesis: every single substitution around the back-splice junction, scored."""

import numpy as np
import pandas as pd

from circlet.descriptors import BASES
from circlet.predict import Predictor

MUTATION_COLUMNS = ("position", "base", "alternative", "change")


def around_junction(length: int, window: int) -> np.ndarray:
    """Positions within `window` nt of where the ends of a transcript meet, in the ring's order.

    Returns:
        The last `window` positions, then the first; all of a transcript that has no more.
    """
    window = min(window, length // 2)
    return np.concatenate([np.arange(length - window, length), np.arange(window)])


def mutate(predictor: Predictor, sequence: str, window: int) -> pd.DataFrame:
    """Score every substitution of one base around the junction by the whole model.

    Args:
        predictor: The model.
        sequence: Upper-case ACGT, no shorter than the model can score.
        window: Bases on each side of the junction.

    Returns:
        A table with `MUTATION_COLUMNS`, in the order of `around_junction`: 0-based position, its
        base, the base instead of it, and by how much that changes the raw score, log-odds.
    """
    rows = [
        (place, sequence[place], alternative)
        for place in around_junction(len(sequence), window).tolist()
        for alternative in BASES
        if alternative != sequence[place]
    ]
    mutants = [sequence[:place] + other + sequence[place + 1 :] for place, _, other in rows]
    scores = predictor.scores([sequence, *mutants])
    table = pd.DataFrame(rows, columns=list(MUTATION_COLUMNS[:3]))
    return table.assign(change=scores[1:] - scores[0])
