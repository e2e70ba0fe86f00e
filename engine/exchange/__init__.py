"""Annotations in other people's formats."""

from engine.exchange.medreginstruct import ExchangeError, ExportCounts, export_medreginstruct

__all__ = ["ExchangeError", "ExportCounts", "export_medreginstruct"]
