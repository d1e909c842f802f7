"""Every error a user can meet.

    MuraLakeError            exit status 1
    ├── UsageError           exit status 2: a command was asked for what it does not have
    ├── SourceError          the MURA tree cannot be used
    ├── ImageError           a file cannot be read as a radiograph
    ├── LakeError            there is no lake, or none that can be read or written
    │   └── CorruptLakeError the files of a lake are not what its manifest says
    ├── WriteError           a file cannot be written
    ├── StoreError           an object store does not answer, or not as it should
    ├── WorkerError          a worker process died or ran out of memory
    ├── ClusterError         a Ray cluster is missing, cannot be reached, or loses tasks
    ├── WeightsError         pretrained weights are not installed, or their file is not usable
    ├── ServeError           the page cannot be served
    └── TrainingError        the chosen views cannot be trained on

A message is one line: what was expected, then `Received: name=value`.
"""


class MuraLakeError(Exception):
    """The root of the tree; the command line prints it as one line."""

    exit_status = 1


class UsageError(MuraLakeError):
    """The command's own words are wrong: an unknown key or value, a missing argument."""

    exit_status = 2


class SourceError(MuraLakeError):
    """The folder given as MURA is missing, unreadable, or no MURA tree."""


class ImageError(MuraLakeError):
    """A file cannot be read as a radiograph.

    Attributes:
        reason: one word for tables, e.g. `truncated`.
        detail: what was found.
    """

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


class LakeError(MuraLakeError):
    """No lake lies where one was expected, or it cannot be read or written."""


class CorruptLakeError(LakeError):
    """A file of the lake is missing, cut short or changed since it was committed."""


class WriteError(MuraLakeError):
    """A file cannot be written: the disk is full, or writing is not allowed there."""


class StoreError(MuraLakeError):
    """An object store cannot be reached, refuses what is asked, or answers with something else."""


class WorkerError(MuraLakeError):
    """A worker process died or ran out of memory; what others had finished is kept."""


class ClusterError(MuraLakeError):
    """Ray is not installed, or its cluster cannot be reached, is lost, or cannot do the tasks."""


class WeightsError(MuraLakeError):
    """Pretrained weights are not installed, or their file holds something else or is damaged."""


class TrainingError(MuraLakeError):
    """The chosen views cannot be split, trained on or scored as asked."""


class ServeError(MuraLakeError):
    """The page cannot be served: its package is not installed, or its port is in use."""
