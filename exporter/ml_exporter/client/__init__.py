"""What a model server imports to report its predictions; the standard library is all it needs.

::

    from ml_exporter.client import Monitor
    monitor = Monitor("http://127.0.0.1:19100", model="flights", version="2013-03")

    with monitor.prediction(features, id=flight_id) as event:
        event.score = model.predict(features)

Nothing here ever blocks or raises in the request path: events go into a bounded buffer in memory and a
background thread sends them. What cannot be sent is dropped and counted, see :attr:`Monitor.stats`.
"""

from ml_exporter.client.monitor import Monitor, Prediction
from ml_exporter.client.sender import Stats

__all__ = ["Monitor", "Prediction", "Stats"]
