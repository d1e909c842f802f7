"""The layouts of source trees: what a path says of its view, or of what kind it is if it is none.

Each layout is a frozen dataclass of options and pure functions of paths; `ingest.scan` walks.
"""
