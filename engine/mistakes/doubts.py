"""What runs but cannot be meant: losses on the wrong kind of scores, softmax over one number, channels last.

Each is told only where the graph shows it beyond doubt, looking back through what leaves numbers as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from engine.flow import Checked, Flow, declared
from engine.heads import widened
from engine.mistakes import broken as fix
from engine.ops import OPS
from engine.problem import Fix, Problem
from engine.sizes import Size
from engine.spec import SLASH, Node, Spec, Wire, source_id
from engine.validate import targets_of, terminals

# What hands numbers on as they are, or some of them, in whatever shape.
PASSING = frozenset(
    "Flatten Unflatten Reshape Permute Transpose MoveDim Squeeze Unsqueeze Select Narrow Slice Identity Cast "
    "StopGradient Dropout Dropout1d Dropout2d Dropout3d Upsample Interpolate Crop CenterCrop".split()
)
SOFTMAXES = frozenset(("Softmax", "Softmax2d"))
SIGMOIDS = frozenset(("Sigmoid", "Hardsigmoid"))
LINEARS = frozenset(
    "Linear Bilinear Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d BatchNorm1d BatchNorm2d "
    "BatchNorm3d LayerNorm LSTM GRU RNN".split()
)
LOGARITHMS = frozenset(("LogSoftmax", "LogSigmoid"))
UNBOUNDED = LINEARS | LOGARITHMS | frozenset(("ReLU", "LeakyReLU", "GELU", "ELU", "SELU", "SiLU", "Tanh", "Softplus"))

WITH_SOFTMAX = frozenset(("CrossEntropyLoss",))  # losses on raw scores that apply a softmax themselves
WITH_SIGMOID = frozenset(("BCEWithLogitsLoss", "MultiLabelSoftMarginLoss"))
EITHER = frozenset(("FocalLoss", "DiceLoss", "TverskyLoss"))  # a softmax or a sigmoid, as the target is

CHANNELS = (1, 3, 4)  # of grey, coloured and transparent images
LEAST_SQUARE, LEAST_SIDE = 8, 16  # pixels of what can only be an image: where it is a square, and where not

Checks = Mapping[str, Checked]
Doubt = Callable[[Spec, Node, Checks], Problem | None]


def doubts(spec: Spec, checked: Checks) -> Iterator[Problem]:
    """Yield what is doubtful about the nodes that work of a spec without blocks; fixes are proposals, not yet tried."""
    for node in spec.nodes.values():
        for doubt in DOUBTS.get(node.op, ()) if node.id in checked else ():
            problem = doubt(spec, node, checked)
            if problem is not None:
                yield problem
                break


def origin(spec: Spec, node: Node, port: str) -> Node | None:
    """Where the numbers that flow into a port are made, looking back through what leaves them as they are."""
    wire = node.inputs.get(port)
    here = spec.nodes.get(source_id(wire)) if isinstance(wire, str) else None
    while here is not None and here.op in PASSING:
        wire = here.inputs.get(next(iter(declared(here).input_ports())))
        here = spec.nodes.get(source_id(wire)) if isinstance(wire, str) else None
    return here


# ------------------------------------------------------------------------------------------------ losses on scores


def _on_probabilities(spec: Spec, node: Node, _checked: Checks) -> Problem | None:
    """A loss on raw scores behind the very function that it applies itself."""
    source = origin(spec, node, "input")
    if source is None or source.op not in SOFTMAXES | SIGMOIDS:
        return None
    softmax = node.op in WITH_SOFTMAX or (node.op in EITHER and source.op in SOFTMAXES)
    does = "softmax" if softmax else "sigmoid"
    words = (
        f"input comes from {source.id}, a {source.op}, but {node.op} takes raw scores and applies a {does} itself; "
        f"wire it to what flows into {fix.name(source.id)}, or remove {fix.name(source.id)}."
    )
    return Problem(words, node.id, "input", tuple(_before(spec, node, source)))


def _before(spec: Spec, node: Node, source: Node) -> Iterator[Fix]:
    """Pass by what makes scores into probabilities: for the loss alone where others need them, else for all."""
    losses, _metrics, _outputs = terminals(spec)
    wire, fed = node.inputs["input"], source.inputs.get("input")
    shared = any(target not in losses for target in targets_of(spec)[source.id])
    if shared and source_id(str(wire)) == source.id and isinstance(fed, str) and _scope(fed) == _scope(node.id):
        yield fix.connect(fed, node.id, "input")
    yield fix.take_out(source.id)


def _scope(wire: Wire) -> str:
    return wire.rpartition(SLASH)[0]


def _not_probabilities(spec: Spec, node: Node, _checked: Checks) -> Problem | None:
    """A loss on probabilities that gets numbers of any size."""
    source = origin(spec, node, "input")
    if source is None or source.op not in UNBOUNDED:
        return None
    words = (
        f"input comes from {source.id}, a {source.op}, whose numbers may lie below 0 or above 1, but BCELoss takes "
        "probabilities; use BCEWithLogitsLoss on raw scores, or put a Sigmoid before it."
    )
    # Scores that were squashed already are no raw scores: only a Sigmoid mends those.
    fixes = (fix.become(node.id, "BCEWithLogitsLoss"),) if source.op in LINEARS else ()
    return Problem(words, node.id, "input", (*fixes, fix.insert("Sigmoid", node.id, "input")))


def _not_logarithms(spec: Spec, node: Node, _checked: Checks) -> Problem | None:
    """A loss on log probabilities that gets raw scores, or probabilities without a logarithm."""
    source = origin(spec, node, "input")
    if source is None or source.op not in SOFTMAXES | SIGMOIDS | LINEARS:
        return None
    words = (
        f"input comes from {source.id}, a {source.op}, but {node.op} takes log probabilities; "
        f"put a LogSoftmax {'in its place' if source.op in SOFTMAXES else 'before it'}."
    )
    fixes = []
    if source.op == "Softmax":
        fixes.append(fix.become(source.id, "LogSoftmax"))
    elif source.op in LINEARS:
        fixes.append(fix.insert("LogSoftmax", node.id, "input", dim=-1 if node.op == "KLDivLoss" else 1))
        fixes += [fix.become(node.id, "CrossEntropyLoss")] if node.op == "NLLLoss" else []
    return Problem(words, node.id, "input", tuple(fixes)) if fixes else None


def _one_class(spec: Spec, node: Node, checked: Checks) -> Problem | None:
    """A loss that chooses among one class."""
    flow = _flow(checked, node, "input")
    if flow is None or len(flow.shape) < 2 or flow.shape[1] != 1:
        return None
    words = (
        f"input is {_sizes(flow)}: 1 class along axis 1, so the answer is always the same and nothing is learned; "
        "give the layer before it an output for each class, or use BCEWithLogitsLoss for yes or no."
    )
    return Problem(words, node.id, "input", tuple(widened(spec, node, "input", 2)))


# --------------------------------------------------------------------------------------------- axes and channels


def _over_one(spec: Spec, node: Node, checked: Checks) -> Problem | None:
    """A softmax over an axis of one number, which always gives 1; or, of scores, over the batch."""
    flow, dim = _flow(checked, node, "input"), node.params.get("dim", -1)
    if flow is None or not isinstance(dim, int) or not flow.shape or not -len(flow.shape) <= dim < len(flow.shape):
        return None
    axis = dim % len(flow.shape)
    if flow.shape[axis] == 1 and (len(flow.shape) == 2 or _ends(spec, node)):
        words = (
            f"dim is {dim}, and that axis of input, {_sizes(flow)}, has one number, of which {node.op} always makes "
            f"{'1' if node.op == 'Softmax' else '0'}; use a Sigmoid for one score, or another dim."
        )
        others = [place for place, size in enumerate(flow.shape) if place and size != 1]
        sigmoid = fix.become(node.id, "Sigmoid" if node.op == "Softmax" else "LogSigmoid")
        return Problem(
            words, node.id, "dim", (sigmoid, *(fix.set_param(node.id, "dim", place) for place in others[:1]))
        )
    if axis == 0 and len(flow.shape) > 1 and _is_batch(flow.shape[0]) and _ends(spec, node):
        words = (
            f"dim is {dim}, the batch of input, {_sizes(flow)}: each sample's probabilities would depend on the other "
            "samples; set dim to the axis of the classes."
        )
        return Problem(words, node.id, "dim", (fix.set_param(node.id, "dim", 1),))
    return None


def _is_batch(size: Size) -> bool:
    return str(size) == "N"


def _ends(spec: Spec, node: Node) -> bool:
    """Whether a node's numbers go straight to losses, metrics and Outputs."""
    ends = {end for kind in terminals(spec) for end in kind}
    targets = targets_of(spec)[node.id]
    return bool(targets) and all(target in ends for target in targets)


def _channels_last(spec: Spec, node: Node, checked: Checks) -> Problem | None:
    """Images that come as N H W C, straight from an Input."""
    flow, source = _flow(checked, node, "input"), origin(spec, node, "input")
    if flow is None or len(flow.shape) != 4 or source is None or source.op != "Input":
        return None
    _batch, height, width, channels = flow.shape
    if channels not in CHANNELS or not isinstance(height, int) or not isinstance(width, int):
        return None
    if min(height, width) < (LEAST_SQUARE if height == width else LEAST_SIDE) or (channels == 1 and height != width):
        return None
    words = (
        f"input is {_sizes(flow)}, which reads as N H W C, an image with its {channels} channels last, but {node.op} "
        "takes N C H W; put a Permute before it."
    )
    return Problem(words, node.id, "input", (fix.insert("Permute", node.id, "input", dims=(0, 3, 1, 2)),))


def _flow(checked: Checks, node: Node, port: str) -> Flow | None:
    flow = checked[node.id].flows.get(port)
    return flow if isinstance(flow, Flow) else None


def _sizes(flow: Flow) -> str:
    return " × ".join(map(str, flow.shape))


def _doubts() -> dict[str, tuple[Doubt, ...]]:
    found: dict[str, tuple[Doubt, ...]] = dict.fromkeys((*WITH_SOFTMAX, *WITH_SIGMOID, *EITHER), (_on_probabilities,))
    found["CrossEntropyLoss"] = (_one_class, _on_probabilities)
    found["NLLLoss"] = (_not_logarithms,)
    found["KLDivLoss"] = (_not_logarithms,)
    found["BCELoss"] = (_not_probabilities,)
    for op in ("Softmax", "LogSoftmax"):
        found[op] = (_over_one,)
    for op in ("Conv2d", "MaxPool2d", "AvgPool2d", "BatchNorm2d"):
        found[op] = (_channels_last,)
    return {op: each for op, each in found.items() if op in OPS}


DOUBTS: Mapping[str, tuple[Doubt, ...]] = _doubts()
