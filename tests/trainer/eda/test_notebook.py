"""The notebook runs from its first cell to its last, and is kept without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from shared.lake.open import Lake
from tests.commands import PROJECT

pytestmark = pytest.mark.slow

NOTEBOOK = PROJECT / "docs" / "explore.ipynb"


@pytest.mark.filterwarnings("default")  # Jupyter's own are not ours to mend
def test_the_notebook_runs(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURA_LAKE", str(lake.root))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs for cell in code)
    NotebookClient(notebook, timeout=100, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [cell.outputs[-1].data for cell in code[1:]]
    assert str(lake.manifest.height) in shown[0]["text/plain"]
    assert sum("image/svg+xml" in data for data in shown) == 7
    assert "data:image/jpeg" in shown[-1]["text/html"]
