"""Annotations in other people's formats."""

from engine.exchange.errors import ExchangeError
from engine.exchange.medreginstruct import ExportCounts, export_medreginstruct
from engine.exchange.views import AnnotatedViews, by_view, has_area

__all__ = ["AnnotatedViews", "ExchangeError", "ExportCounts", "by_view", "export_medreginstruct", "has_area"]
