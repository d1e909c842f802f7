"""Figures of a report, with their style and captions."""
