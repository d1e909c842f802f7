"""What benchmarks keep from run to run in the user's cache: phantom trees and peers' environments.

Remove the folder to have all of it made anew.
"""

import os
from pathlib import Path

import platformdirs

from tests.commands import run

# read now: tests get a cache folder of their own when they begin
CACHE = platformdirs.user_cache_path("mura-lake-benchmarks")
USER_ENVIRONMENT = dict(os.environ)
"""The environment before tests began, for tools with caches that are worth keeping."""


def phantom_tree(num_views: int) -> Path:
    """Return a phantom MURA-v1.1 with MURA's proportions, drawn once."""
    out = CACHE / f"phantom-{num_views}"
    if not (out / "MURA-v1.1").exists():
        drawn = run("mura-phantom", f"out={out}", f"views={num_views}", timeout_s=3600)
        assert drawn.returncode == 0, drawn.stderr
    return out / "MURA-v1.1"
