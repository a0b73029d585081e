"""What the report calls the metrics, figures and descriptions that it shows."""

from circlet.evaluation.scores import CALIBRATION_BINS, SENSITIVITY

# Short heading and meaning of each metric, in the order shown.
METRIC_WORDS = {
    "auroc": ("AUROC", "area under the ROC curve: 1 perfect, 0.5 chance"),
    "auprc": ("AUPRC", "average precision: 1 perfect, the prevalence is chance"),
    "specificity_at_95_sensitivity": (
        "Spec. at 95 % sens.",
        f"specificity where {SENSITIVITY:.0%} of the circRNAs are found, whatever the threshold of "
        "the calls: 1 perfect, 0.05 chance",
    ),
    "mcc": ("MCC", "Matthews correlation of calls and labels: 1 perfect, 0 chance"),
    "accuracy": ("ACC", "accuracy: share of calls that are right"),
    "balanced_accuracy": ("bACC", "balanced accuracy: mean of sensitivity and specificity"),
    "f1": ("F1", "harmonic mean of precision and sensitivity, circRNA being positive"),
    "sensitivity": ("Sens.", "sensitivity: share of circRNAs that are called circRNA"),
    "specificity": ("Spec.", "specificity: share of lncRNAs that are called lncRNA"),
    "brier": ("Brier", "mean squared error of the probabilities: lower is better"),
    "ece": (
        "ECE",
        "expected calibration error, mean distance of the probabilities from the shares of "
        f"circRNAs in {CALIBRATION_BINS} bins of equal count: lower is better",
    ),
}
# Curves of each run, which must be there.
FIGURE_WORDS = {
    "roc": "ROC curve",
    "precision_recall": "Precision-recall curve",
    "calibration": "Calibration: fraction of circRNAs against the mean probability",
    "scores": "Histogram of the probabilities of both classes",
}
DESCRIPTION_WORDS = {
    "all": "All",
    "length": "Length, nt",
    "stop_free": "Longest stop-free fraction",
    "gc": "GC fraction",
    "exon_count": "Exons",
    "biotype": "Biotype",
    "chrom": "Chromosome",
    "source": "Source",
    "same_gene": "Of a gene in training",
    "overlapping_locus": "Overlaps one in training",
    "shared_splice_site": "Shares a splice site with training",
    "shared_31mer": "Shares a 31-mer with training",
    "identity_80": "80 % identical to one in training",
}
