"""Peers: what people use today for the same work, each in an environment of its own.

Their scripts in `peers/` are called as SCRIPT ROOT OUT SIZE, those in `peers/streaming/` as their
`rounds.py` says.
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
    """A script of `peers/` and what it needs.

    PyTorch is installed by pip, which takes a version without CUDA where it is told of one.
    """

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
            folder.parent.mkdir(parents=True, exist_ok=True)
            _run(_uv(), "venv", "--clear", "--seed", "--python", SCRIPTS / "python", folder)
            if any(requirement.startswith("torch==") for requirement in self.requirements):
                _run(folder / "bin/python", "-m", "pip", "install", *self.requirements)
            else:
                into = ("--python", folder / "bin/python")
                _run(_uv(), "pip", "install", *into, *self.requirements)
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


_TORCH = ("torch==2.13.0", "numpy==1.26.4")
_TORCH_VISION = (*_TORCH, "torchvision==0.28.0")
STREAMING_PEERS = {
    "FFCV, raw": Peer(
        "streaming/ffcv_raw", (*_TORCH_VISION, "ffcv==1.0.2", "opencv-python-headless==4.11.0.86")
    ),
    "Hugging Face datasets": Peer(
        "streaming/huggingface_arrow", ("datasets==5.2.0", "numpy==2.4.6")
    ),
    "grain": Peer("streaming/grain_array_record", ("grain==0.2.18", "numpy==2.4.6")),
    "webdataset": Peer("streaming/webdataset_tar", ("webdataset==1.0.2", "numpy==2.4.6")),
    "MosaicML streaming, 2 workers": Peer(
        "streaming/mosaicml_streaming", (*_TORCH_VISION, "mosaicml-streaming==0.13.0")
    ),
    "LitData, 2 workers": Peer("streaming/litdata_chunks", (*_TORCH, "litdata==0.2.76")),
}


def _uv() -> str:
    uv = shutil.which("uv")
    if not uv:
        raise PeerMissingError("there is no uv")
    return uv


def _run(*words: object) -> None:
    done = subprocess.run(
        list(map(str, words)), env=USER_ENVIRONMENT, capture_output=True, text=True
    )
    if done.returncode:
        raise PeerMissingError(done.stderr.strip().splitlines()[-1])
