"""The tables through which the wings of the package meet: their columns, named once."""

from typing import Any

import pandas as pd

NEGATIVE, POSITIVE = "lncRNA", "circRNA"
LABELS = (NEGATIVE, POSITIVE)  # the position of a label is its class, 0 or 1

SCORE_DIGITS = 12  # of a score in a table, so that it can be checked

PARTS = TRAIN, VALIDATION, TEST = ("train", "validation", "test")

# What is scored, and the other parts that a split table may tell: hard negatives held out beside
# the test part, and those of the other parts where a run does not train on them.
HARD, UNUSED = "hard", "unused"
ALL_PARTS = (*PARTS, HARD, UNUSED)
SCHEMES = ("random", "gene", "locus", "homology", "chromosome")

# The biotype of a hard negative: a run of internal exons of a coding transcript.
LINEAR_EXONS = "linear_exons"

# One row a transcript: `results/dataset/sources/{source}.parquet` (as parsed). Positions are
# 0-based half-open, lengths in nt. `exon_lengths` and `exon_offsets` are comma lists in ascending
# genomic order, offsets relative to `start`, as in BED12; `biotype` is of the transcript,
# `gene_type` of its gene; all columns after `assembly` are missing where a source does not know.
TRANSCRIPT_COLUMNS = (
    "id",
    "source",
    "label",
    "sequence",
    "assembly",
    "chrom",
    "start",
    "end",
    "strand",
    "gene",
    "gene_id",
    "biotype",
    "exon_count",
    "exon_lengths",
    "exon_offsets",
    "gene_type",
)
INTEGER_COLUMNS = ("start", "end", "exon_count")  # pandas' nullable Int64

# Doubts about a label, each a bool column of the dataset; see `data/noise.py`.
FLAGS = ("overlaps_circrna", "both_labels", "coding_gene")

# `results/dataset/transcripts.parquet`: what was parsed and kept. `aliases` names the records that
# were merged into this one as source:id, a space between two; `soft_masked` is the fraction of
# bases that the source writes in lower case as repeats; both are missing where there is none.
DATASET_COLUMNS = (*TRANSCRIPT_COLUMNS, "aliases", "soft_masked", *FLAGS)

# `results/dataset/summary.tsv`: one row for a source and step, then totals a label.
SUMMARY_COLUMNS = ("source", "label", "step", "flagged", "removed", "remaining", "reference")

# `results/dataset/homology.parquet`: the cluster's name is the id of its representative.
HOMOLOGY_COLUMNS = ("id", "cluster")

# `results/splits/{scheme}.parquet`: no group lies in two parts, nor in two folds. `group_part` is
# the part of the group, whatever the row; `fallback` tells that the group came of the homology.
SPLIT_COLUMNS = ("id", "group", "part")
FOLD_COLUMNS = (*SPLIT_COLUMNS, "group_part", "fold", "fallback")

# `results/dataset/leakage.tsv`: shares of test sequences with a relative in training, for a scheme
# and a label or `all`; the memoriser's scores stand with `all`.
RELATIONS = (
    "same_gene",
    "overlapping_locus",
    "shared_splice_site",
    "shared_31mer",
    "identity_80",
)
LEAKAGE_COLUMNS = (
    "scheme",
    "label",
    "groups",
    "fallback",
    "n_train",
    "n_test",
    *RELATIONS,
    "memoriser_auroc",
    "memoriser_mcc",
)

# `results/dataset/relatives.parquet`: whether a test sequence has a relative in training, by
# relation; missing where it was not searched for.
RELATIVE_COLUMNS = ("scheme", "id", *RELATIONS)

# `results/dataset/confounds.tsv`: what one descriptor alone scores on a test set of a scheme.
CONFOUND_COLUMNS = (
    "scheme",
    "test_set",
    "descriptor",
    "n_circrna",
    "n_lncrna",
    "auroc",
    "low",
    "high",
)

# `results/dataset/subsets.parquet`: test sets that are subsets of a scheme's test part.
SUBSET_COLUMNS = ("scheme", "subset", "id")
SUBSETS = MATCHED, LOW_STOP_FREE = ("matched", "low_stop_free")

# A user's own labelled sequences, no part of the dataset: each set is a test set by its name.
# `results/external/transcripts.parquet` has `DATASET_COLUMNS`, with the set as `source`, and
# `group` and `part` as a split has; `results/external/subsets.parquet` names those of a set that
# share no 31-mer with the training part of a scheme.
EXTERNAL = "external"
UNSEEN = ".unseen"  # ends the name of that subset

# `results/evaluation/{run}/differences.tsv`: how far a run is above a rival by a metric, `value`
# less `rival_value`, the interval of that difference, the p-value of none, and that p-value after
# Holm's correction over all rivals and test sets of the run. The test set is the part, a subset of
# it, or its circRNAs against the hard negatives; of a rival of another split (`rival_scheme`) what
# of it both held out.
DIFFERENCE_COLUMNS = (
    "name",
    "rival",
    "scheme",
    "rival_scheme",
    "part",
    "test_set",
    "n_circrna",
    "n_lncrna",
    "n_groups",
    "metric",
    "value",
    "rival_value",
    "difference",
    "low",
    "high",
    "p_value",
    "p_holm",
)

# `results/evaluation/{run}/strata.tsv`: scores of the transcripts of a part that are alike in one
# description, such as their length. Of a biotype or source, which one class has, those against all
# of the other class. Scores are missing where a class is too small.
STRATUM_METRICS = ("auroc", "mcc", "sensitivity", "specificity", "accuracy")
STRATUM_COLUMNS = (
    "name",
    "scheme",
    "part",
    "description",
    "stratum",
    "n_circrna",
    "n_lncrna",
    "n_groups",
    "false_negatives",
    "false_positives",
    *(f"{metric}{end}" for metric in STRATUM_METRICS for end in ("", "_low", "_high")),
)

# `results/evaluation/{run}/mistakes.tsv`: those of which the run is surest. `doubt` is the
# probability that it leaves to the truth.
MISTAKE_COLUMNS = (
    "name",
    "scheme",
    "part",
    "id",
    "label",
    "p_circrna",
    "doubt",
    "source",
    "gene",
    "biotype",
    "chrom",
    "start",
    "end",
    "strand",
    "length",
    "stop_free",
    "gc",
    "exon_count",
    "overlaps_circrna",
    "coding_gene",
)

# `results/evaluation/{run}/explanation/index.tsv`: the transcripts that are explained, the surest
# mistakes first. `kind` is mistake, right, or given (of a user's FASTA file, where label and doubt
# are missing); `stem` begins the names of a transcript's files. `attribution`, the sum over bases
# and descriptors, is to be `target`, the networks' log-odds above the baseline's, save for `error`.
EXPLANATION_COLUMNS = (
    "rank",
    "id",
    "label",
    "p_circrna",
    "call",
    "doubt",
    "kind",
    "stem",
    "attribution",
    "target",
    "error",
)

# Test sets of hard negatives beside the circRNAs of the test part: scored by what was taught on
# lncRNAs, as all test sets are, and by what was taught on hard negatives instead.
HARD_TAUGHT = "hard_taught"

# `results/predictions/{run}.tsv.gz`: the whole dataset.
PREDICTION_COLUMNS = ("id", "source", "label", "part", "length", "p_circrna", "call")

# `results/evaluation/{run}/seeds.tsv`: what each member of a model scores alone on the part, beside
# the model itself, and mean and standard deviation over the networks of its seeds.
MODEL, SEEDS_MEAN, SEEDS_SD = ("model", "mean of seeds", "sd of seeds")
MEMBER_ABOUT = ("name", "scheme", "part", "member", "threshold")

# `results/evaluation/{run}/folds.tsv`: what a run scores on each fold when it is trained on others,
# mean and standard deviation over the folds, and the scores of all transcripts together, each
# classified by the model that did not learn from it.
FOLDS_MEAN, FOLDS_SD, POOLED = ("mean of folds", "sd of folds", "pooled")
FOLD_ABOUT = ("name", "scheme", "part", "fold", "n_circrna", "n_lncrna", "n_groups")

# `results/predictions/{run}/{input}.tsv.gz` and `circlet predict`: a user's sequences.
# `length` is in nt; `call` is a label, or empty where a record could not be scored, as are the
# numbers then; `spread` is the standard deviation of the probabilities that the members of the
# model give alone; `flags` are words on what to mind, `;` between two, and where there is no call
# the first says why. Where the strand is not known, `p_circrna` is of the one in `strand`.
CALL_COLUMNS = ("id", "length", "p_circrna", "call", "spread", "flags")
STRAND_COLUMNS = ("strand", "p_other_strand")  # after them, with `--strand both`


def call_columns(both_strands: bool) -> tuple[str, ...]:
    """Give the columns of a table of calls, for which both strands were scored or one."""
    return (*CALL_COLUMNS, *STRAND_COLUMNS) if both_strands else CALL_COLUMNS


def is_hard_negative(table: pd.DataFrame) -> pd.Series:
    """Whether each transcript of a table with `biotype` is a hard negative, bool."""
    return (table["biotype"] == LINEAR_EXONS).fillna(False).astype(bool)


def records_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Give the rows of a table as dictionaries by the names of its columns."""
    return table.to_dict("records", into=dict[str, Any]())
