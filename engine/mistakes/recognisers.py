"""All recognisers: each looks at a broken node and yields fixes that may mend it; a trial shows which do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.mistakes.axes import (
    another_dimension,
    another_shape,
    image_in_a_row,
    missing_axis,
    order_of_axes,
    squeezed,
    too_few_axes,
    too_many_axes,
    varying_axis,
)
from engine.mistakes.broken import Broken, for_all_ports
from engine.mistakes.dividing import odd, uneven
from engine.mistakes.joining import unlike_matrices, unlike_parts, unlike_shapes, unlike_widths
from engine.mistakes.sequences import (
    batch_last,
    causal_and_masked,
    lone_state,
    misfit_mask,
    one_layer,
    unlike_state,
)
from engine.mistakes.targets import misfit_target
from engine.mistakes.types import no_embedding, two_types, wrong_type
from engine.mistakes.windows import alone, output_padding, resizing, too_large, wrong_padding
from engine.mistakes.wires import nothing_wired, number_and_wire
from engine.problem import Fix

Recogniser = Callable[[Broken], Iterator[Fix]]

# The plainest mending comes first: of those that work equally well, the first are offered.
RECOGNISERS: tuple[Recogniser, ...] = (
    wrong_type, no_embedding, nothing_wired, number_and_wire, misfit_target, two_types, too_few_axes, another_dimension,
    image_in_a_row, too_many_axes, varying_axis, missing_axis, order_of_axes, squeezed, another_shape, uneven, odd,
    too_large, wrong_padding, output_padding, resizing, alone, unlike_state, lone_state, one_layer, misfit_mask,
    causal_and_masked, batch_last, unlike_matrices, unlike_widths, unlike_parts, unlike_shapes,
)  # fmt: skip


def proposals(broken: Broken) -> Iterator[Fix]:
    """Yield what may mend a broken node."""
    for recognise in RECOGNISERS:
        for fix in recognise(broken):
            yield fix
            yield from for_all_ports(broken, fix)
