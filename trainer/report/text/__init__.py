"""Sentences, notes and number formats of reports."""
