"""The parts of Grafana's foundation SDK that the dashboards are made of.

It calls dashboards in the classic form deprecated; they are what Grafana 9.4 and 13 both read.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import dashboard as build
    from grafana_foundation_sdk.builders.prometheus import Dataquery
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import dashboard as model
    from grafana_foundation_sdk.models.common import DataSourceRef
    from grafana_foundation_sdk.models.prometheus import PromQueryFormat

__all__ = ["DataSourceRef", "Dataquery", "JSONEncoder", "PromQueryFormat", "build", "model"]
