"""Options of `eda` and `audit`, which look into the views of a lake and of a run."""

from dataclasses import dataclass
from typing import Literal

from shared.storage.store import as_path, as_store
from trainer.options.checks import check_minimum, check_seed
from trainer.options.fit import Images
from trainer.options.saved_run import RunOptions


@dataclass(frozen=True)
class EdaOptions:
    """Explore a lake before training: write one self-contained HTML page.

    The page shows counts by part, label and split, studies and patients, image sizes, brightness,
    duplicates and rejects, the balance of folds, and a contact sheet. No source file is decoded.

    just eda

    just eda lake=lake out=lake.html images=off
    """

    lake: str = "lake"
    """Folder of the lake, or s3://bucket/path."""
    k: int = 5
    """Number of folds in the table of fold balance, 2 or more."""
    seed: int = 0
    """Seed of the folds and of the contact sheet, 0 to 2147483647."""
    images: Images = "on"
    """`on` shows radiographs, so the page is as private as the data; `off` omits only the contact
    sheet."""
    out: str = "eda.html"
    """HTML file to write."""

    def __post_init__(self) -> None:
        as_store(self.lake)
        as_path("out", self.out)
        check_minimum(self, 2, "k")
        check_seed(self)


@dataclass(frozen=True)
class AuditOptions(RunOptions):
    """Audit a cross-validation: wrong labels, copies over folds, shortcuts and outliers.

    The folder has a page (audit.html), suspects.csv, copies.csv, shortcuts.csv and outliers.csv.
    The run and the lake are not changed. The audit uses the kept predictions and embeddings of the
    run, so it takes seconds; hide=on takes minutes.

    just audit run=runs/20260101-120000-cv-wrist

    just audit run=runs/20260101-120000-cv-wrist hide=on sample=500 out=audit
    """

    lake: str = ""
    """Folder of the run's lake, or s3://bucket/path; by default the place recorded in the run."""
    hide: Literal["on", "off"] = "off"
    """`on` embeds a sample of the views again with the bone hidden, and with all but the bone
    hidden, and fits the head to them; only for a head on a frozen backbone."""
    sample: int = 200
    """Largest number of views with markers to predict without them, and of views to embed with
    hide=on, 20 or more."""
    seed: int = 0
    """Seed of the samples and of the random patches, 0 to 2147483647."""
    images: Images = "on"
    """`on` shows radiographs, so the page is as private as the data; `off` omits them."""
    out: str = ""
    """Folder to create; by default `audit` in the run folder."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lake:
            as_store(self.lake)
        as_path("out", self.out)
        check_minimum(self, 20, "sample")
        check_seed(self)
