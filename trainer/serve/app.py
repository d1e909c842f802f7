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
from trainer.serve.guard import Guard, refusal_response
from trainer.serve.limits import Limits, Refusal
from trainer.serve.model_info import describe_model, make_title
from trainer.serve.render import render_page, render_result
from trainer.serve.study import StudyPredictor, StudyResult
from trainer.serve.uploads import read_uploads
from trainer.serve.worker import Worker

_HERE = Path(__file__).parent
_RETRY_AFTER_S = 2
_Handler = Callable[[Request], Awaitable[Response]]


def build_app(
    predictor: StudyPredictor, worker: Worker, options: ServeOptions, limits: Limits
) -> ASGIApp:
    """Return the application, wrapped in its `Guard`.

    `worker` is the thread of the predictor; studies wait until it has loaded the model.
    """
    studies = _Studies(predictor, worker, limits)
    model, card = describe_model(predictor.saved_run), _describe_card(predictor)
    routes = [
        _get("/", HTMLResponse(render_page(limits))),
        _get("/page.css", Response((_HERE / "page.css").read_bytes(), media_type="text/css")),
        _get("/page.js", Response((_HERE / "page.js").read_bytes(), media_type="text/javascript")),
        _get("/card", JSONResponse(card)),
        _get("/api/model", JSONResponse(model)),
        Route("/health", _report_health(predictor), methods=["GET"]),
        Route("/predict", studies.predict_as_html, methods=["POST"]),
        Route("/api/predict", studies.predict_as_json, methods=["POST"]),
    ]
    handlers: dict[Any, Any] = {
        HTTPException: _refuse,
        MemoryError: _report_no_memory,
        Exception: _report_failure,
    }
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


def _describe_card(predictor: StudyPredictor) -> dict[str, str]:
    saved_run = predictor.saved_run
    return {
        "run": saved_run.folder.name,
        "title": make_title(saved_run),
        "card": render_card(saved_run),
    }


def _report_health(predictor: StudyPredictor) -> _Handler:
    async def report(_: Request) -> Response:
        if predictor.is_ready:
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "starting"}, 503)

    return report


class _Studies:
    """Predicts for one study at a time; a few more may wait, further ones receive status 429."""

    def __init__(self, predictor: StudyPredictor, worker: Worker, limits: Limits):
        self._predictor, self._worker, self._limits = predictor, worker, limits
        self._free_slots = limits.studies
        self._lock = asyncio.Lock()

    async def predict_as_html(self, request: Request) -> Response:
        study = await self._predict(request, with_pictures=True)
        return HTMLResponse(await self._worker.run(render_result, study))

    async def predict_as_json(self, request: Request) -> Response:
        predictions = (await self._predict(request, with_pictures=False)).predictions
        status = 200 if predictions.studies.height else 422
        return Response(f"{to_json(predictions)}\n", status, media_type="application/json")

    async def _predict(self, request: Request, with_pictures: bool) -> StudyResult:
        with self._reserve_slot():
            uploads = await read_uploads(request, self._limits)
            async with self._lock:
                if await request.is_disconnected():
                    raise Refusal(400, "The connection was closed.")
                return await self._worker.run(self._predictor.predict, uploads, with_pictures)

    @contextmanager
    def _reserve_slot(self) -> Generator[None, None, None]:
        if not self._free_slots:
            headers = {"retry-after": str(_RETRY_AFTER_S)}
            raise Refusal(429, "The server is busy with other studies; try again later.", headers)
        # no lock: there is no await between the check and this line
        self._free_slots -= 1
        try:
            yield
        finally:
            self._free_slots += 1


async def _refuse(_: Request, error: HTTPException) -> Response:
    return refusal_response(error)


async def _report_no_memory(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "The server has too little memory for these views."}, 503)


async def _report_failure(_: Request, __: Exception) -> Response:
    # uvicorn prints the traceback
    return JSONResponse({"error": "Internal error; the server has logged the details."}, 500)
