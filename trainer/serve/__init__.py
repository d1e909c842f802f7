"""Serve: a local web page and an HTTP API that answer to the views of a study."""
