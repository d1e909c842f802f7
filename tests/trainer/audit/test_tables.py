"""Tables of an audit: names are kept, and no spreadsheet runs them."""

import polars as pl

from trainer.audit.tables import encode_csv


def test_no_name_is_a_formula_and_numbers_are_kept() -> None:
    names = ["train/a.png", "=cmd()", "-1", "\uff1dcmd()", "a=b", None]
    table = pl.DataFrame({"view_id": names, "score": [-0.5] * 6})
    lines = encode_csv(table).decode().splitlines()
    shown = ["train/a.png", "./=cmd()", "./-1", "./\uff1dcmd()", "a=b", ""]
    assert lines == ["view_id,score", *(f"{name},-0.5000" for name in shown)]
