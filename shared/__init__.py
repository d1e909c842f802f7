"""What ingest and trainer both need: vocabulary, image spec, records, manifest, lake, console."""
