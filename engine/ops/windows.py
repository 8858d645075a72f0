"""Windows that slide over the axes behind N C: how far they reach, and whether they fit."""

from __future__ import annotations

from engine.declare import Mistake, Value, show_value

SizeOrSizes = int | tuple[int, ...]


def each(size: SizeOrSizes, axes: int) -> tuple[int, ...]:
    """A size for each axis, whether it was given once or for each."""
    return (size,) * axes if isinstance(size, int) else size


def checked_windows(
    input: Value,
    kernel: SizeOrSizes,
    *,
    stride: SizeOrSizes = 1,
    padding: SizeOrSizes = 0,
    dilation: SizeOrSizes = 1,
    ceil_mode: bool = False,
) -> None:
    """Raise Mistake where along some axis not a single window fits into the input with its padding.

    With `ceil_mode` a window may hang over the end by less than a stride.
    """
    axes = input.ndim - 2
    settings = (each(size, axes) for size in (kernel, stride, padding, dilation))
    for axis, (taps, step, edge, apart) in enumerate(zip(*settings, strict=True), 2):
        reach, room = apart * (taps - 1) + 1, input[axis] + 2 * edge
        if reach - (step - 1 if ceil_mode else 0) > room:
            spread = f" (dilation {apart})" if apart > 1 else ""
            around = " with its padding" if edge else ""
            raise Mistake(
                f"kernel_size {taps}{spread} reaches over {reach} positions along axis {axis}, where input has "
                f"{room}{around}; make it smaller or the input larger.",
                param="kernel_size",
            )


def checked_half(padding: SizeOrSizes, kernel: SizeOrSizes, axes: int) -> None:
    """Raise Mistake where padding is more than half of the window, as pooling refuses."""
    if any(edge * 2 > size for edge, size in zip(each(padding, axes), each(kernel, axes), strict=True)):
        raise Mistake(
            f"padding is {show_value(padding)}; it must be at most half of kernel_size ({show_value(kernel)}).",
            param="padding",
        )
