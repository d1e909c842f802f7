"""The folder of a run, its setup, provenance and results."""
