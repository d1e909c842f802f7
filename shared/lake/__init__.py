"""The lake: manifest, shards, records, and how they are read."""
