"""The tables through which the wings of the package meet: their columns, named once."""

NEGATIVE, POSITIVE = "lncRNA", "circRNA"
LABELS = (NEGATIVE, POSITIVE)  # the position of a label is its class, 0 or 1

PARTS = ("train", "validation", "test")

# One row a transcript: `results/dataset/sources/{source}.parquet` (as parsed) and
# `results/dataset/transcripts.parquet` (cleaned). Positions are 0-based half-open, lengths in nt.
# `exon_lengths` and `exon_offsets` are comma lists in ascending genomic order, offsets relative
# to `start`, as in BED12; all columns after `assembly` are missing where a source does not know.
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
)
INTEGER_COLUMNS = ("start", "end", "exon_count")  # pandas' nullable Int64

# `results/dataset/summary.tsv`: one row for a source and step, then totals a label.
SUMMARY_COLUMNS = ("source", "label", "step", "removed", "remaining", "reference")

# `results/splits/{scheme}.parquet`: no group lies in two parts.
SPLIT_COLUMNS = ("id", "group", "part")

# `results/predictions/{run}.tsv.gz`: the whole dataset.
PREDICTION_COLUMNS = ("id", "source", "label", "part", "length", "p_circrna", "call")

# `results/predictions/{run}/{input}.tsv.gz` and `circlet predict`: a user's sequences.
# `call` is a label, or empty where a record could not be scored.
CALL_COLUMNS = ("id", "p_circrna", "call")
