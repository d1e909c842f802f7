"""The commands of ingest; each imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

from shared.entry import TYPE_CHECKING, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def ingest() -> NoReturn:
    """Run `mura-ingest`."""
    run(_ingest, "ingest", "finished shards are kept, the same command goes on from there")


def verify() -> NoReturn:
    """Run `mura-verify`."""
    run(_verify, "verify", "nothing was changed")


def phantom() -> NoReturn:
    """Run `mura-phantom`."""
    run(_phantom, "phantom", "nothing was kept")


def _ingest(words: Sequence[str]) -> None:
    from ingest.options import IngestOptions
    from shared.command_line import parse

    options = parse(IngestOptions, words, "ingest")

    from ingest.crew import open_crew
    from shared.layout import LAKE_FILE
    from shared.store import as_store

    with open_crew(options) as crew:
        if not as_store(options.lake).sizes([LAKE_FILE]):
            # there will be something to decode: workers import while this process does
            crew.start()
        from ingest.run import ingest_tree

        ingest_tree(options, crew)


def _verify(words: Sequence[str]) -> None:
    from ingest.options import VerifyOptions
    from shared.command_line import parse

    options = parse(VerifyOptions, words, "verify")

    from ingest.verify import verify_lake

    verify_lake(options)


def _phantom(words: Sequence[str]) -> None:
    from ingest.phantom.options import PhantomOptions
    from shared.command_line import parse

    options = parse(PhantomOptions, words, "phantom")

    from ingest.phantom.generate import generate

    generate(options)
