"""The report of a run: what its predictions say, in numbers, figures and one page."""
