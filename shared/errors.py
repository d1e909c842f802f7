"""Error classes for all failures that users can encounter."""


# A message is one line: the expectation, then `Received: name=value`.
class MuraLakeError(Exception):
    """Base class; the command line prints the message as one line."""

    exit_status = 1


class UsageError(MuraLakeError):
    """The command line is invalid: an unknown key or value, or a missing argument."""

    exit_status = 2


class SourceError(MuraLakeError):
    """The source of radiographs is missing, unreadable, or has an unknown layout."""


class ImageError(MuraLakeError):
    """A file cannot be read as a radiograph; `reason` is a category, e.g. `truncated`."""

    def __init__(self, reason: str, detail: str):
        # pickle calls the class again with `args`, so these are the arguments
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class LakeError(MuraLakeError):
    """The lake is missing, or cannot be read or written."""


class CorruptLakeError(LakeError):
    """A file of the lake is missing, truncated or changed since the commit."""


class WriteError(MuraLakeError):
    """A file cannot be written, e.g. because the disk is full or permission is denied."""


class StoreError(MuraLakeError):
    """An object store is unreachable, refuses a request, or returns an invalid response."""


class WorkerError(MuraLakeError):
    """A worker process died or ran out of memory; finished work is saved."""


class ClusterError(MuraLakeError):
    """Ray is not installed, or its cluster is unreachable, lost, or unable to run the tasks."""


class WeightsError(MuraLakeError):
    """Pretrained weights are not installed, or their file is damaged or of another kind."""


class TrainingError(MuraLakeError):
    """The chosen views cannot be split, trained on or scored with these options."""


class ServeError(MuraLakeError):
    """The page cannot be served: its package is not installed, or its port is in use."""
