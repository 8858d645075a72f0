"""The layer that decides how many numbers an axis has: where a head is made wider or narrower."""

from __future__ import annotations

from collections.abc import Iterator

from engine.declare import Op
from engine.ops import OPS
from engine.problem import Fix
from engine.spec import Node, Spec, source_id

WIDTHS = {"Linear": "out_features", "Bilinear": "out_features", "Conv1d": "out_channels", "Conv2d": "out_channels",
          "Conv3d": "out_channels", "ConvTranspose1d": "out_channels", "ConvTranspose2d": "out_channels",
          "ConvTranspose3d": "out_channels", "LSTM": "hidden_size", "GRU": "hidden_size", "RNN": "hidden_size",
          "Embedding": "embedding_dim"}  # fmt: skip

# What hands on as many numbers along axis 1 as come in; GLU alone halves them.
KEEPING = ("Activation", "Regularization", "Normalization", "Pooling", "Padding")
KEEPING_OPS = ("Identity", "Cast", "Upsample", "Interpolate", "Squeeze", "StopGradient")


def head(spec: Spec, node: Node, port: str) -> Node | None:
    """The layer whose width is that of what flows into a port, looking back through what keeps it."""
    here: Node | None = node
    while here is not None:
        wire = here.inputs.get(port)
        here = spec.nodes.get(source_id(wire)) if isinstance(wire, str) else None
        if here is None or here.op in WIDTHS:
            return here
        op: type[Op] | None = OPS.get(here.op)
        if op is None or here.op == "GLU" or not (op.group in KEEPING or here.op in KEEPING_OPS):
            return None
        port = next(iter(op.input_ports()), "")
    return None


def widened(spec: Spec, node: Node, port: str, count: int) -> Iterator[Fix]:
    """The fix that gives the layer before a port another number of outputs, where there is one."""
    layer = head(spec, node, port)
    if layer is not None:
        name = WIDTHS[layer.op]
        arguments = {"node": layer.id, "name": name, "value": count}
        yield Fix(f"Set {name} of {layer.id.rpartition('/')[2]} to {count}", "set_param", arguments)
