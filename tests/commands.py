"""The commands as a user runs them: processes of their own."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).parent.parent
SCRIPTS = Path(sys.executable).parent


def run(
    script: str,
    *words: object,
    timeout_s: float = 200,
    environment: Mapping[str, str] | None = None,
    folder: Path = PROJECT,
) -> subprocess.CompletedProcess[str]:
    """Run an installed command, e.g. `mura-ingest`, and return its status and what it printed."""
    command = [str(SCRIPTS / script), *map(str, words)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout_s
    )
