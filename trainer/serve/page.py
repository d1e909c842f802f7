"""The page: a place to drop views, the answer, and the model's report card."""

import traceback
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import gradio
from gradio.themes import Base, Font

from shared.labels import BODY_PARTS
from trainer.options import ServeOptions
from trainer.report.formatting import part_name
from trainer.serve.card import read_card
from trainer.serve.render import render
from trainer.serve.study import Reader
from trainer.serve.uploads import remove_answered

_SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
_MONO = ("ui-monospace", "Consolas", "monospace")


def make_theme() -> Base:
    """Return a theme whose fonts are the machine's own."""
    sans, mono = ([Font(name) for name in names] for names in (_SANS, _MONO))
    return Base(font=sans, font_mono=mono, radius_size="md", primary_hue="blue")


def build_page(reader: Reader, options: ServeOptions, uploads: Path) -> gradio.Blocks:
    """Return the page.

    Args:
        reader: answers.
        options: of the command.
        uploads: the folder that gradio puts uploaded files into.
    """
    untyped: Any = gradio  # it leaves the types of functions open
    kept = reader.kept
    parts = [part for part in BODY_PARTS if part in set(kept.scored["body_part"])]
    title = f"{part_name(parts)}: normal or abnormal?"
    with gradio.Blocks(title=title, analytics_enabled=False) as page:
        gradio.HTML(_head(title, kept.folder.name, options), elem_id="head")
        files = _make_drop_zone()
        answer = gradio.HTML(elem_id="answer")
        with gradio.Accordion("Report card of this model", open=False, elem_id="card"):
            gradio.Markdown(read_card(kept))
        untyped.on(
            [files.upload],
            _answerer(reader, options.max_views, uploads),
            files,
            [answer, files],
            api_visibility="private",
            concurrency_limit=1,
        )
    return page


def _make_drop_zone() -> gradio.File:
    zone = gradio.File(
        label="Views of one study",
        show_label=False,
        file_count="multiple",
        height=150,
        elem_id="files",
    )
    # gradio would make one more file for each, and give an example on another host; of a class of
    # its own, gradio would write a stub beside this module
    changes = {"_process_single_file": _path_of, "example_payload": _none, "example_value": _none}
    for name, change in changes.items():
        setattr(zone, name, change)
    return zone


def _path_of(file: Any) -> str:
    return file.path


def _none() -> None:
    return None


def _head(title: str, run: str, options: ServeOptions) -> str:
    return (
        f"<header><p>MURA lake, {escape(run)}</p><h1>{escape(title)}</h1>"
        '<p class="disclaimer"><b>Research use, not a diagnosis.</b> '
        "Files stay on the machine that runs this page, and are removed once answered.</p>"
        '<p class="hint">Drop the views of one study together: PNG, JPEG or DICOM, '
        f"at most {options.max_views} of up to {options.limit_mb} MB each.</p></header>"
    )


def _answerer(
    reader: Reader, max_views: int, uploads: Path
) -> Callable[[list[str] | None], tuple[str, None]]:
    def answer(files: list[str] | None) -> tuple[str, None]:
        paths = [Path(file) for file in files or []]
        try:
            if len(paths) > max_views:
                said = f"Expected at most {max_views} views of one study; {len(paths)} came."
                return _say(said), None
            return render(reader.read(paths)), None
        except MemoryError:
            return _say("There is too little memory for these views."), None
        # or the page would go on showing the answer to the study before
        except Exception:
            traceback.print_exc()
            return _say("These views could not be answered; the server has printed why."), None
        finally:
            remove_answered(paths, uploads)

    return answer


def _say(sentence: str) -> str:
    return f'<section class="answer"><p class="unread">{escape(sentence)}</p></section>'
