"""The web application: routes and error responses."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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
from trainer.serve.heat_maps import HeatMaps
from trainer.serve.model_info import describe_card, describe_model
from trainer.serve.render import render_page, render_result, to_source
from trainer.serve.study import StudyPredictor
from trainer.serve.upload.guard import Guard, refusal_response
from trainer.serve.upload.limits import Limits
from trainer.serve.worker import StudyQueue, Worker

_HERE = Path(__file__).parent
_Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Services:
    """Predictions and heat maps, so that predictions never wait for heat maps or TensorFlow."""

    predictor: StudyPredictor
    heat_maps: HeatMaps
    predicting: Worker
    explaining: Worker

    async def start(self) -> None:
        """Load the model, then start TensorFlow."""
        # one after the other, because TensorFlow slows down whatever runs beside its start
        await self.predicting.run(self.predictor.load)
        await self.explaining.run(self.heat_maps.load)


def build_app(services: Services, options: ServeOptions, limits: Limits) -> ASGIApp:
    """Return the application, wrapped in its `Guard`."""
    studies, predictor = _Studies(services, limits), services.predictor
    model, card = describe_model(predictor.saved_run), describe_card(predictor.saved_run)
    routes = [
        _get("/", HTMLResponse(render_page(limits))),
        _get("/page.css", Response((_HERE / "page.css").read_bytes(), media_type="text/css")),
        _get("/page.js", Response((_HERE / "page.js").read_bytes(), media_type="text/javascript")),
        _get("/card", JSONResponse(card)),
        _get("/api/model", JSONResponse(model)),
        Route("/health", _report_health(predictor), methods=["GET"]),
        Route("/predict", studies.predict_as_html, methods=["POST"]),
        Route("/heat-maps", studies.explain, methods=["POST"]),
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
    async def respond(_: Request) -> Response:
        return response

    return Route(path, respond, methods=["GET"])


def _report_health(predictor: StudyPredictor) -> _Handler:
    async def report(_: Request) -> Response:
        if predictor.is_ready:
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "starting"}, 503)

    return report


class _Studies:
    """The requests with the views of a study."""

    def __init__(self, services: Services, limits: Limits):
        self._services = services
        self._predictions = StudyQueue(services.predicting, limits)
        self._heat_maps = StudyQueue(services.explaining, limits)

    async def predict_as_html(self, request: Request) -> Response:
        predict = self._services.predictor.predict
        return HTMLResponse(
            await self._predictions.process(request, lambda views: render_result(predict(views)))
        )

    async def predict_as_json(self, request: Request) -> Response:
        study = await self._predictions.process(request, self._services.predictor.predict)
        status = 200 if study.predictions.studies.height else 422
        return Response(f"{to_json(study.predictions)}\n", status, media_type="application/json")

    async def explain(self, request: Request) -> Response:
        heat_maps = self._services.heat_maps
        heat_maps.check()
        sources = await self._heat_maps.process(
            request, lambda views: [to_source(picture) for picture in heat_maps.explain(views)]
        )
        return JSONResponse({"heat_maps": sources})


async def _refuse(_: Request, error: HTTPException) -> Response:
    return refusal_response(error)


async def _report_no_memory(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "The server has too little memory for these views."}, 503)


async def _report_failure(_: Request, __: Exception) -> Response:
    # uvicorn prints the traceback
    return JSONResponse({"error": "Internal error; the server has logged the details."}, 500)
