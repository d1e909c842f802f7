"""The web application: routes, request queue and error responses."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from trainer.options import ServeOptions
from trainer.predict.output_formats import to_json
from trainer.serve.card import render_card
from trainer.serve.guard import Guard, say_refusal
from trainer.serve.limits import Limits, Refusal
from trainer.serve.model_info import describe_model, make_title
from trainer.serve.render import render_answer, render_page
from trainer.serve.study import Reader, Study
from trainer.serve.uploads import read_uploads
from trainer.serve.worker import Worker

_HERE = Path(__file__).parent
_RETRY_AFTER_S = 2
_Handler = Callable[[Request], Awaitable[Response]]


def build_app(reader: Reader, worker: Worker, options: ServeOptions, limits: Limits) -> ASGIApp:
    """Return the application, wrapped in its `Guard`.

    Args:
        reader: predicts for studies.
        worker: thread of the reader; studies wait until it has loaded the model.
        options: options of the command.
        limits: limits of requests.
    """
    studies = _Studies(reader, worker, limits)
    model, card = describe_model(reader.kept), _describe_card(reader)
    routes = [
        _get("/", HTMLResponse(render_page(limits))),
        _get("/page.css", Response((_HERE / "page.css").read_bytes(), media_type="text/css")),
        _get("/page.js", Response((_HERE / "page.js").read_bytes(), media_type="text/javascript")),
        _get("/card", JSONResponse(card)),
        _get("/api/model", JSONResponse(model)),
        Route("/health", _report_health(reader), methods=["GET"]),
        Route("/answer", studies.answer_as_html, methods=["POST"]),
        Route("/api/predict", studies.answer_as_json, methods=["POST"]),
    ]
    handlers: dict[Any, Any] = {HTTPException: _refuse, MemoryError: _lack_memory, Exception: _fail}
    app = Starlette(routes=routes, exception_handlers=handlers)
    # a redirect to a path with or without a slash would quote the Host header
    app.router.redirect_slashes = False
    return Guard(app, options.host, options.bearer_token)


def _get(path: str, response: Response) -> Route:
    """Return a route with a constant response, held in memory."""
    content, kind = bytes(response.body), response.headers["content-type"]

    async def respond(_: Request) -> Response:
        return Response(content, headers={"content-type": kind})

    return Route(path, respond, methods=["GET"])


def _describe_card(reader: Reader) -> dict[str, str]:
    kept = reader.kept
    return {"run": kept.folder.name, "title": make_title(kept), "card": render_card(kept)}


def _report_health(reader: Reader) -> _Handler:
    async def report(_: Request) -> Response:
        if reader.is_ready:
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "starting"}, 503)

    return report


class _Studies:
    """Predicts for one study at a time; a few more may wait, further ones get status 429."""

    def __init__(self, reader: Reader, worker: Worker, limits: Limits):
        self._reader, self._worker, self._limits = reader, worker, limits
        self._free = limits.studies
        self._turn = asyncio.Lock()

    async def answer_as_html(self, request: Request) -> Response:
        study = await self._answer(request, with_pictures=True)
        return HTMLResponse(await self._worker.run(render_answer, study))

    async def answer_as_json(self, request: Request) -> Response:
        answers = (await self._answer(request, with_pictures=False)).answers
        status = 200 if answers.studies.height else 422
        return Response(f"{to_json(answers)}\n", status, media_type="application/json")

    async def _answer(self, request: Request, with_pictures: bool) -> Study:
        with self._take_place():
            uploads = await read_uploads(request, self._limits)
            async with self._turn:
                if await request.is_disconnected():
                    raise Refusal(400, "The connection was closed.")
                return await self._worker.run(self._reader.read, uploads, with_pictures)

    @contextmanager
    def _take_place(self) -> Generator[None, None, None]:
        if not self._free:
            headers = {"retry-after": str(_RETRY_AFTER_S)}
            raise Refusal(429, "The server is busy with other studies; try again.", headers)
        # no lock: there is no await between the check and this line
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


async def _refuse(_: Request, error: HTTPException) -> Response:
    return say_refusal(error)


async def _lack_memory(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "There is too little memory for these views."}, 503)


async def _fail(_: Request, __: Exception) -> Response:
    # uvicorn prints the traceback
    return JSONResponse({"error": "The server failed; it has printed the reason."}, 500)
