"""One module per upstream format: paths in, records out."""
