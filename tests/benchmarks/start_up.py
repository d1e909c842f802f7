"""What a command and every process that it starts run first, by a `sitecustomize` of their own."""

import os
from pathlib import Path

_WITHOUT_MODULE = """
import sys

sys.modules[{module!r}] = None
"""

_LISTING_OPENED = """
import os
import sys

log = os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def listen(event, args):
    if event == "open" and str(args[0]).endswith({suffix!r}):
        os.write(log, f"{{args[0]}}\\n".encode())


sys.addaudithook(listen)
"""


def without_module(folder: Path, module: str) -> dict[str, str]:
    """Return an environment in which `module` cannot be imported, installed or not.

    https://docs.python.org/3/library/site.html#module-sitecustomize
    """
    return _environment(folder, _WITHOUT_MODULE.format(module=module))


def listing_opened(folder: Path, suffix: str, log: Path) -> dict[str, str]:
    """Return an environment in which Python writes each file that it opens to `log`, one a line.

    Python's own `open` and `os.open` are heard, not what a library opens by itself
    (https://docs.python.org/3/library/audit_events.html).
    """
    return _environment(folder, _LISTING_OPENED.format(log=str(log), suffix=suffix))


def _environment(folder: Path, code: str) -> dict[str, str]:
    (folder / "sitecustomize.py").write_text(code)
    return {**os.environ, "PYTHONPATH": str(folder)}
