"""The views of paths, and the output formats of predictions."""
