"""The dataset card: what the data are, for people and for machines."""
