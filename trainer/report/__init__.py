"""The report of a run: metrics, figures, one page and a model card."""
