"""Speed and memory against named peers: the frame that every bench uses, and the benches of the engine itself.

Other folders bring benches of their own as click commands under the entry-point group ``medrega.benches``.
"""

from engine.bench.frame import BenchReport, Row, machine, medians_in_turn, row

__all__ = ["BenchReport", "Row", "machine", "medians_in_turn", "row"]
