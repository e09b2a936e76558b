"""A model server as anybody would write it: one ASGI app, one route, and three lines for the sidecar."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ml_exporter.client import Monitor  # 1

with open(Path(os.environ["DEMO_FOLDER"]) / "model.pickle", "rb") as file:
    model = pickle.load(file)

monitor = Monitor(os.environ["ML_EXPORTER_URL"], model="flights", version="2013-03")  # 2


async def predict(request: Request) -> JSONResponse:
    """Answer whether a flight will arrive more than 15 minutes late."""
    flight = await request.json()
    with monitor.prediction(flight["features"], id=flight["id"]) as prediction:  # 3
        prediction.score = model.score(flight["features"])
    return JSONResponse({"late": prediction.score >= 0.5, "score": prediction.score})


app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
