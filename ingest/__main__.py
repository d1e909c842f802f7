"""Entry point of `python -m ingest ROOT [key=value ...]`."""

from ingest.cli import ingest

if __name__ == "__main__":
    ingest()
