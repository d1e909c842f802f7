"""The scan of a source into a table of views."""
