"""Peers: what people use today for the same work, each in an environment of its own.

Their scripts in `peers/` are called as SCRIPT ROOT OUT SIZE.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.cache import CACHE, USER_ENVIRONMENT
from tests.commands import SCRIPTS

_SCRIPTS = Path(__file__).parent / "peers"
_OPENCV = "opencv-python-headless==4.11.0.86"


class PeerMissingError(Exception):
    """A peer cannot be installed here."""


@dataclass(frozen=True)
class Peer:
    """A script of `peers/` and what it needs."""

    script: str
    requirements: tuple[str, ...]

    def command(self) -> list[str]:
        """Return the command that starts the script, in an environment made if need be.

        Raises:
            PeerMissingError: the environment cannot be made.
        """
        folder = CACHE / self.script
        listed = folder / "requirements.txt"
        wanted = "".join(f"{requirement}\n" for requirement in self.requirements)
        if not (listed.is_file() and listed.read_text() == wanted):
            _uv("venv", "--clear", "--python", SCRIPTS / "python", folder)
            _uv("pip", "install", "--python", folder / "bin/python", *self.requirements)
            listed.write_text(wanted)
        return [str(folder / "bin/python"), str(_SCRIPTS / f"{self.script}.py")]


PEERS = {
    "webdataset, 2 processes": Peer(
        "webdataset_shards", ("webdataset==1.0.2", "numpy==1.26.4", _OPENCV)
    ),
    "tensorflow-datasets": Peer(
        "tensorflow_datasets_builder",
        (
            "tensorflow-datasets==4.9.10",
            "tensorflow==2.16.2",
            "tensorflow-metadata==1.16.1",
            _OPENCV,
        ),
    ),
    "Hugging Face datasets, 2 processes": Peer(
        "huggingface_datasets", ("datasets==5.2.0", "pillow==13.0.0")
    ),
    "Pillow loop": Peer("pillow_loop", ("pillow==13.0.0", "numpy==1.26.4")),
}


def _uv(*words: object) -> None:
    uv = shutil.which("uv")
    if not uv:
        raise PeerMissingError("there is no uv")
    done = subprocess.run(
        [uv, *map(str, words)], env=USER_ENVIRONMENT, capture_output=True, text=True
    )
    if done.returncode:
        raise PeerMissingError(done.stderr.strip().splitlines()[-1])
