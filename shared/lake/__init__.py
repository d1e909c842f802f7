"""Lake format: layout, manifest, shards, records, and the code that reads them."""
