"""A model server as anybody would write it: one ASGI app, two routes, and some lines for the sidecar."""

from __future__ import annotations

import os
import pickle
import time
from pathlib import Path

from flights import CHALLENGER, CHAMPION, SUMMER, version_of
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from ml_exporter.client import Monitor

with open(Path(os.environ["DEMO_FOLDER"]) / "models.pickle", "rb") as file:
    models = pickle.load(file)
loaded = time.time()

sidecar = os.environ["ML_EXPORTER_URL"]
versions = {
    version: Monitor(sidecar, model="flights", version=version) for version in (CHAMPION, CHALLENGER, SUMMER)
}
delays = Monitor(sidecar, model="delay", version="2013-03")


async def predict(request: Request) -> JSONResponse:
    """Answer whether a flight will arrive more than 15 minutes late, and by how many it will."""
    flight = await request.json()
    features, identifier = flight["features"], flight["id"]
    version = version_of(identifier)
    with versions[version].prediction(features, id=identifier) as late:
        late.score = models[version].answer(features)
    with delays.prediction(features, id=identifier) as delay:
        delay.prediction = models["delay"].answer(features)
    return JSONResponse({"late": late.score >= 0.5, "score": late.score, "minutes": delay.prediction})


async def healthy(request: Request) -> PlainTextResponse:
    """Answer that the models are loaded: without them there would be no app."""
    return PlainTextResponse("ok")


async def described(request: Request) -> JSONResponse:
    """Answer what is loaded, and since when."""
    return JSONResponse({"versions": list(versions), "loaded": loaded})


app = Starlette(
    routes=[
        Route("/predict", predict, methods=["POST"]),
        Route("/healthz", healthy),
        Route("/models", described),
    ]
)
