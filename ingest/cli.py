"""Entry points of `ingest`, `verify` and `phantom`; imports are local to keep `--help` quick."""

from __future__ import annotations

from shared.entry import TYPE_CHECKING, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def ingest() -> NoReturn:
    """Run `mura-ingest`."""
    run(_ingest, "ingest", "finished shards are kept; run the same command again to resume")


def verify() -> NoReturn:
    """Run `mura-verify`."""
    run(_verify, "verify", "nothing was changed")


def phantom() -> NoReturn:
    """Run `mura-phantom`."""
    run(_phantom, "phantom", "the incomplete tree was removed")


def _ingest(words: Sequence[str]) -> None:
    from ingest.options import IngestOptions
    from shared.command_line import parse

    options = parse(IngestOptions, words, "ingest")

    from ingest.write.executor import open_executor
    from shared.lake.layout import LAKE_FILE
    from shared.storage.store import as_store

    with open_executor(options) as executor:
        if not as_store(options.lake).sizes([LAKE_FILE]):
            # a new lake always needs decoding: workers import while this process imports and scans
            executor.start()
        from ingest.run import ingest_tree

        ingest_tree(options, executor)


def _verify(words: Sequence[str]) -> None:
    from ingest.options import VerifyOptions
    from shared.command_line import parse

    options = parse(VerifyOptions, words, "verify")

    from ingest.verify.lake import verify_lake

    verify_lake(options)


def _phantom(words: Sequence[str]) -> None:
    from ingest.phantom.options import PhantomOptions
    from shared.command_line import parse

    options = parse(PhantomOptions, words, "phantom")

    from ingest.phantom.generate import generate

    generate(options)
