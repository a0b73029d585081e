"""Plain words of the page, and a user's texts as they may safely be shown."""

import re
import unicodedata

from circlet import flags

# What to mind about a record, by its flag; of one without a call, why it has none.
MEANINGS = {
    flags.TOO_LONG: "No call: longer than what is read of one record.",
    flags.NOT_NUCLEOTIDES: "No call: has letters that stand for no nucleotide, such as those of"
    " a protein.",
    flags.TOO_SHORT: "No call: has fewer unambiguous bases than the shortest sequence that the"
    " model was trained on.",
    flags.AMBIGUOUS: "Has N or other letters that stand for several bases.",
    flags.OUTSIDE_LENGTH: "Shorter or longer than all sequences that the model was trained on.",
    flags.SEEN: "This very sequence was used to make the model, so its score proves nothing.",
    flags.UNLIKE: "Laid out as hardly any sequence that the model was trained on, or of low"
    " complexity: its score is less to be trusted.",
}
COLUMN_MEANINGS = {
    "p_circrna": "Calibrated probability that the sequence is a circRNA rather than another lncRNA",
    "call": "circRNA from the threshold on, else lncRNA; empty where there is no score",
    "spread": "How far the members of the model disagree: standard deviation of the probabilities"
    " that they give alone",
    "strand": "The strand that scores higher, which the probability is of",
    "p_other_strand": "Probability of the other strand",
}
READING = (
    "**How to read it.** Above: the two ends of the sequence, which meet at the back-splice"
    " junction if it is a circle. To the networks a letter that points up speaks for circRNA, one"
    " that points down for lncRNA; the squares tell by how much the score of the whole model"
    " changes if another base stood there. Below: the same along the whole sequence, the stop"
    " codons of the three reading frames, and what each kind of input is worth in sum. Blue is for"
    " circRNA, orange for lncRNA."
)
ALTERNATIVE = "What each base, each substitution and each kind of input is worth to the score"
CAUTION = (
    "**What it is not.** It tells what this model's score rests on, not what makes a circle, and"
    " it is no evidence of a back-splice junction. A model can be right for a wrong reason."
)
_UNPRINTABLE = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")  # categories of Unicode
_INSTEAD = "\N{REPLACEMENT CHARACTER}"


def shown(text: str, most: int = 60) -> str:
    """Give a user's text as one line that hides nothing: cut, and unprintable letters replaced.

    Letters that turn the direction of writing, or have no width, are among the unprintable.
    """
    text = "".join(
        _INSTEAD if unicodedata.category(letter) in _UNPRINTABLE else letter for letter in text
    )
    return text if len(text) <= most else f"{text[:most]}…"


def verbatim(text: str) -> str:
    """Give a text as Markdown that shows it letter by letter: as code, where nothing is a link."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}"


FORMULAS = (
    "Ids that begin with =, +, - or @ have a ' before them in TSV and CSV, since a spreadsheet"
    " would take them for formulas. JSON lines have them as they are."
)
