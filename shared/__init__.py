"""Code shared by ingest and trainer: labels, images, lake, storage, processes and console."""
