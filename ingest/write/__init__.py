"""Shard writing: tasks, executors, workers, and the cache of decoded shards."""
