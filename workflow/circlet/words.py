"""What the names in the tables mean, in words that all cards share."""

from circlet.tables import (
    EXTERNAL,
    HARD,
    HARD_TAUGHT,
    LINEAR_EXONS,
    LOW_STOP_FREE,
    MATCHED,
    NEGATIVE,
    POSITIVE,
    TEST,
    UNSEEN,
    VALIDATION,
)

DASH = "\N{EN DASH}"  # stands for what is missing

# Descriptors of the table of confounds.
STOP_FREE, BOOSTING = "stop_free_linear", "boosting"

CLASS_WORDS = {
    POSITIVE: "circRNAs",
    NEGATIVE: "lncRNAs",
    "hard_negatives": "hard negatives",
}
TYPE_WORDS = {
    "circrnadb": "circRNADb",
    "circbase": "circBase",
    "gencode": "GENCODE",
    "bed12": "BED, spliced out of a genome",
    "ciriquant": "CIRIquant's GTF, spliced out of a genome",
    "fasta": "FASTA",
    LINEAR_EXONS: "internal exons of coding transcripts (hard negatives)",
}
SCHEME_WORDS = {
    "random": "nothing: each transcript by itself, as in much of the literature",
    "gene": "transcripts of one host gene, and of genes at the same locus",
    "locus": "transcripts whose spans overlap on one strand",
    "homology": "transcripts of similar sequence",
    "chromosome": "transcripts of one chromosome",
}
RELATIVE_WORDS = {
    "same_gene": "same gene",
    "overlapping_locus": "overlapping locus",
    "shared_splice_site": "shared splice site",
    "shared_31mer": "shared 31-mer",
    "identity_80": "\N{GREATER-THAN OR EQUAL TO} 80 % identity",
}
TEST_SET_WORDS = {
    TEST: "test part",
    VALIDATION: "validation part",
    MATCHED: "matched subset",
    LOW_STOP_FREE: "subset below 0.5 stop-free",
    HARD: "hard negatives",
    HARD_TAUGHT: "hard negatives, taught on such",
}
TEST_SET_MEANINGS = {
    MATCHED: "pairs of a circRNA and a lncRNA of the test part that are alike in length and in the "
    "longest stretch without a stop codon",
    LOW_STOP_FREE: "sequences of the test part whose longest stretch without a stop codon is "
    "shorter than half of them",
    HARD: "the circRNAs of the test part, against the hard negatives of the test groups in place "
    "of the lncRNAs",
    HARD_TAUGHT: "the same, ranked by what was learnt on hard negatives of the training groups in "
    "place of the lncRNAs",
}


def name_test_set(test_set: str, part: str) -> str:
    """Name a test set so that "the" can go before it: "test part", say.

    Args:
        test_set: Its name in the tables.
        part: What the comparison says beside it.
    """
    if part != EXTERNAL:
        return TEST_SET_WORDS.get(test_set, test_set)
    name = test_set.removesuffix(UNSEEN)
    about = ", what shares no 31-mer with training" if name != test_set else ""
    return f"external set {name}{about}"


def percent(share: float | None) -> str:
    """A share as per cent; a dash where it is missing."""
    return DASH if share is None else f"{100 * share:.1f} %"


def listed(words: list[str]) -> str:
    """Words joined by commas and a last 'and'."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def name_class(name: str, transcripts: int) -> str:
    """A number of transcripts of a class."""
    words = CLASS_WORDS[name]
    return f"{transcripts:,} {words.removesuffix('s') if transcripts == 1 else words}"


def heading(words: str) -> str:
    """Words as the heading of a column; a name keeps its small letter."""
    return (
        words
        if words in (CLASS_WORDS[POSITIVE], CLASS_WORDS[NEGATIVE])
        else words[0].upper() + words[1:]
    )
