"""Verification of a lake against its manifest, its records and its source."""
