"""The tools that draw regions, down the left side of the views, with the brush's width and values."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLabel, QToolBar, QToolButton, QWidget

from desktop.model.tools import ToolModel
from desktop.model.viewing import ViewingModel
from desktop.panels.value_range_box import ValueRangeBox
from desktop.viewer_actions import REGION_TOOL_IDS, ViewerActions

_LEAST_WIDTH = 44
"""As the brush's limits, such as ``-1024``, need it."""


class RegionBar(QToolBar):
    """One button a tool and as narrow as these, for the image. Below them what the brush does, while it is taken."""

    def __init__(
        self, tools: ToolModel, viewing: ViewingModel, actions: ViewerActions, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("regionBar")
        self._tools = tools
        self.setOrientation(Qt.Orientation.Vertical)
        self.setMovable(False)
        self.setFloatable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setIconSize(QSize(20, 20))
        for id in REGION_TOOL_IDS:
            self.addAction(actions.by_id[id])
        self._width = QLabel()
        self._width.setObjectName("brushWidth")
        self._width.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._width_action = self.addWidget(self._width)
        self.values = ValueRangeBox(tools, viewing)
        self._values_action = self.addWidget(self.values)
        for button in self.findChildren(QToolButton):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        tools.changed.connect(self._follow)
        tools.brush_changed.connect(self._follow)
        self._retranslate()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # The style is there now: taking the brush must not push the image aside.
        self.setFixedWidth(max(self.sizeHint().width(), _LEAST_WIDTH))

    def _follow(self) -> None:
        self._width_action.setVisible(self.values.is_for(self._tools.tool))
        self._values_action.setVisible(self.values.is_for(self._tools.tool))
        self._width.setText(f"⌀ {2 * self._tools.brush_radius:g}")

    def _retranslate(self) -> None:
        self.setWindowTitle(self.tr("Draw regions"))
        self._width.setToolTip(self.tr("Width of the brush in pixels ({ narrower, } wider, or Shift+wheel)"))
        self._follow()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
