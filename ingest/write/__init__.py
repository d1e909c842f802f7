"""Writes the shards of a lake: tasks, the workers that do them, and the shards that are reused."""
