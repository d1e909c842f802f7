"""The ingest pipeline, from radiographs to a lake: scan, plan, decode, write, commit."""
