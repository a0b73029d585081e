"""From tables to a trained checkpoint."""
