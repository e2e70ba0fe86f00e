"""Playing through the slices of the active view."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from desktop.model.viewing import ViewingModel

_SPEEDS = (1, 2, 4, 6, 8, 10, 15, 20, 25, 30, 40, 60)


class CineModel(QObject):
    """changed : it began or stopped, or has another speed."""

    changed = Signal()

    def __init__(self, viewing: ViewingModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewing = viewing
        self.frames_per_second = 10
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._next)
        viewing.opened.connect(self._opened)
        viewing.active_changed.connect(self.stop)

    def _opened(self) -> None:
        """At the speed at which a film was taken, where its file says so."""
        self.stop()
        volume = self._viewing.volume
        if volume is not None and volume.frame_time_ms:
            taken = 1000 / volume.frame_time_ms
            self.frames_per_second = min(_SPEEDS, key=lambda speed: abs(speed - taken))
            self.changed.emit()

    @property
    def playing(self) -> bool:
        """Whether slices are running."""
        return self._timer.isActive()

    def toggle(self) -> None:
        """Begin or stop."""
        if self.playing:
            self.stop()
        elif self._viewing.slice_count > 1:
            self._timer.start(round(1000 / self.frames_per_second))
            self.changed.emit()

    def stop(self) -> None:
        """Stop where it is."""
        if self.playing:
            self._timer.stop()
            self.changed.emit()

    def faster(self, steps: int) -> None:
        """The next of the usual speeds, or with -1 the one before."""
        number = _SPEEDS.index(self.frames_per_second) + steps
        self.frames_per_second = _SPEEDS[max(0, min(len(_SPEEDS) - 1, number))]
        self._timer.setInterval(round(1000 / self.frames_per_second))
        self.changed.emit()

    def _next(self) -> None:
        # Round and round, as a beating heart is watched.
        self._viewing.go_to((self._viewing.index + 1) % max(1, self._viewing.slice_count))
