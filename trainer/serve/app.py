"""The web application: gradio's page behind what keeps it on this machine."""

from pathlib import Path
from typing import Any

import gradio
from fastapi import FastAPI

from trainer.options import ServeOptions
from trainer.serve.page import build_page, make_theme
from trainer.serve.private import Private
from trainer.serve.study import Reader

_STYLE = Path(__file__).parent / "page.css"
_NO_DOCUMENTS = {"docs_url": None, "redoc_url": None, "openapi_url": None}


def build_app(reader: Reader, options: ServeOptions, uploads: Path) -> FastAPI:
    """Return the application.

    Args:
        reader: answers.
        options: of the command.
        uploads: the folder that gradio puts uploaded files into.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Private, host=options.host)
    untyped: Any = gradio  # it leaves the types of functions open
    return untyped.mount_gradio_app(
        app,
        build_page(reader, options, uploads),
        "/",
        app_kwargs=_NO_DOCUMENTS,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        show_error=False,
        max_file_size=f"{options.limit_mb}mb",
        theme=make_theme(),
        css=_STYLE.read_text(),
    )
