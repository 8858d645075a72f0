"""The canvas: NodeGraphQt's viewer and node items, made to show a spec and to turn gestures into edits."""

from app.canvas.canvas import Canvas
from app.canvas.tabs import CanvasTabs

__all__ = ["Canvas", "CanvasTabs"]
