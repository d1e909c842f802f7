"""The ingest pipeline, from a MURA folder tree to a lake: scan, plan, decode, write, commit."""
