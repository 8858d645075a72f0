"""Unpooling: numbers go back to where MaxPool took them from, with zeros between."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from engine.declare import INT64, Mistake, Op, Port, Recipe, Value, param, show_short
from engine.kinds import Size1, Size2, Size3
from engine.ops.ports import FloatImage2d, FloatSequence1d, FloatVolume3d
from engine.ops.windows import each

STEP = "Distance between the windows; empty for kernel_size."
EDGE = "Positions the pooling had added around the edge."
SIZE = "Size of the result, where the pooling had left out a rest; empty for the smallest."


class _MaxUnpool(Op, abstract=True):
    synonyms = ("upsample", "decoder", "segnet")
    key: ClassVar[tuple[str, ...]] = ("kernel_size",)

    def summary(self) -> str:
        axes = self.params()["kernel_size"].kind.axes  # type: ignore[attr-defined]  # a Size
        return show_short(each(self.kernel_size, axes))  # type: ignore[attr-defined]  # each subclass declares it

    def _recipe(self, input: Value) -> Recipe:
        settings: dict[str, Any] = {name: getattr(self, name) for name in self.params()}
        kernel, size, axes = settings["kernel_size"], settings["output_size"], input.ndim - 2
        steps = each(settings["stride"] or kernel, axes)
        smallest = [
            (length - 1) * step + taps - 2 * edge
            for length, step, taps, edge in zip(
                input.shape[2:], steps, each(kernel, axes), each(settings["padding"], axes), strict=True
            )
        ]
        for axis, (least, step) in enumerate(zip(smallest, steps, strict=True), 2):
            wanted = least if size is None else each(size, axes)[axis - 2]
            if not (max(1, least - step + 1) <= wanted < least + step):
                raise Mistake(
                    f"The result would have size {wanted} along axis {axis}; with this kernel_size, stride and padding "
                    f"it can be {max(1, least - step + 1)} to {least + step - 1}.",
                    param="padding" if size is None else "output_size",
                )
        more = {name: settings[name] for name in ("stride", "padding") if name in self.changed()}
        recipe = Recipe(f"nn.{type(self).__name__}", kernel, **more)
        return recipe if size is None else recipe.called_with(output_size=list(each(size, axes)))


class MaxUnpool1d(_MaxUnpool, group="Pooling"):
    """Puts a sequence's numbers back where MaxPool1d found them, with zeros between."""

    example = {"input": "float32 2 3 8", "indices": "int64:0..15 2 3 8"}

    kernel_size: Size1 = param(2, "Length of the pooling's windows.", low=1)
    stride: Size1 | None = param(None, STEP, low=1)
    padding: Size1 = param(0, EDGE, low=0)
    output_size: Size1 | None = param(None, SIZE, low=1, advanced=True)

    def build(self, input: FloatSequence1d, indices: Annotated[Value, Port(INT64, "N C L")]) -> Recipe:
        return self._recipe(input)


class MaxUnpool2d(_MaxUnpool, group="Pooling"):
    """Puts an image's numbers back where MaxPool2d found them, with zeros between."""

    example = {"input": "float32 2 3 4 4", "indices": "int64:0..63 2 3 4 4"}

    kernel_size: Size2 = param(2, "Height and width of the pooling's windows, in pixels.", low=1)
    stride: Size2 | None = param(None, STEP, low=1)
    padding: Size2 = param(0, EDGE, low=0)
    output_size: Size2 | None = param(None, SIZE, low=1, advanced=True)

    def build(self, input: FloatImage2d, indices: Annotated[Value, Port(INT64, "N C H W")]) -> Recipe:
        return self._recipe(input)


class MaxUnpool3d(_MaxUnpool, group="Pooling"):
    """Puts a volume's numbers back where MaxPool3d found them, with zeros between."""

    example = {"input": "float32 2 3 4 4 4", "indices": "int64:0..511 2 3 4 4 4"}

    kernel_size: Size3 = param(2, "Depth, height and width of the pooling's windows.", low=1)
    stride: Size3 | None = param(None, STEP, low=1)
    padding: Size3 = param(0, EDGE, low=0)
    output_size: Size3 | None = param(None, SIZE, low=1, advanced=True)

    def build(self, input: FloatVolume3d, indices: Annotated[Value, Port(INT64, "N C D H W")]) -> Recipe:
        return self._recipe(input)
