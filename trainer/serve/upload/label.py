"""The displayed name of an uploaded file, which is never used as a path."""

import re

_MAX_CHARACTERS = 100


def make_label(file_name: bytes) -> str:
    r"""Return the last component of a file name, on one line, with control characters escaped."""
    text = file_name.decode("utf-8", errors="backslashreplace")
    last = re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    escaped = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in last)
    if len(escaped) > _MAX_CHARACTERS:
        escaped = f"{escaped[: _MAX_CHARACTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
    return escaped or "unnamed"
