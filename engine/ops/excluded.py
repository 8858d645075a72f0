"""What of `torch.nn` is no op of its own, and why."""

from __future__ import annotations

from collections.abc import Mapping

_GRAPH = "It holds other modules or weights; here the graph itself does."
_BASE = "PyTorch's own base class of {}, which computes nothing by itself."
_LAZY = "It takes its input's size from the first batch; {} here always takes it from what flows in."

EXCLUDED: Mapping[str, str] = {
    "Container": _GRAPH,
    "Module": _GRAPH,
    "ModuleDict": _GRAPH,
    "ModuleList": _GRAPH,
    "ParameterDict": _GRAPH,
    "ParameterList": _GRAPH,
    "Sequential": _GRAPH,
    "RNNBase": _BASE.format("RNN, LSTM and GRU"),
    "RNNCellBase": _BASE.format("RNNCell, LSTMCell and GRUCell"),
    "LazyBatchNorm1d": _LAZY.format("BatchNorm1d"),
    "LazyBatchNorm2d": _LAZY.format("BatchNorm2d"),
    "LazyBatchNorm3d": _LAZY.format("BatchNorm3d"),
    "LazyConv1d": _LAZY.format("Conv1d"),
    "LazyConv2d": _LAZY.format("Conv2d"),
    "LazyConv3d": _LAZY.format("Conv3d"),
    "LazyConvTranspose1d": _LAZY.format("ConvTranspose1d"),
    "LazyConvTranspose2d": _LAZY.format("ConvTranspose2d"),
    "LazyConvTranspose3d": _LAZY.format("ConvTranspose3d"),
    "LazyInstanceNorm1d": _LAZY.format("InstanceNorm1d"),
    "LazyInstanceNorm2d": _LAZY.format("InstanceNorm2d"),
    "LazyInstanceNorm3d": _LAZY.format("InstanceNorm3d"),
    "LazyLinear": _LAZY.format("Linear"),
    "CrossMapLRN2d": "An undocumented forerunner of LocalResponseNorm, whose windows never let go of channel 0.",
    "LinearCrossEntropyLoss": "Linear and CrossEntropyLoss in one step, to save memory; two nodes compute the same.",
    "LinearCrossEntropyOptions": "Settings of LinearCrossEntropyLoss, and no module.",
    "NLLLoss2d": "The old name of NLLLoss, which takes images as well.",
    "UpsamplingBilinear2d": 'The old name of Upsample with mode "bilinear" and align_corners.',
    "UpsamplingNearest2d": 'The old name of Upsample with mode "nearest".',
}
