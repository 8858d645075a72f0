"""The canvas: NodeGraphQt's viewer and node items, made to show a spec and to turn gestures into edits."""

from app.canvas.canvas import Canvas

__all__ = ["Canvas"]
