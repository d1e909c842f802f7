"""Serve: a local web page that answers to the views of a study; nothing leaves the machine."""
