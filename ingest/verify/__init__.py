"""Verify: a lake against its manifest, its own records, and its source."""
