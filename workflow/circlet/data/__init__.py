"""From upstream files to tables of labelled, deduplicated, split transcripts."""
