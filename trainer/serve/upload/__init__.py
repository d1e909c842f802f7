"""Uploaded files: checks, parsing, decoding."""
