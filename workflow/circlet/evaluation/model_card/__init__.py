"""The model card and the DOME checklist of a run."""
