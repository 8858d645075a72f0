"""Cases of resolution and patches."""

from __future__ import annotations

from torch import Tensor, nn

from tests.engine.catalogue.case import Case


def shuffled(input: Tensor, factor: int) -> Tensor:
    """PixelShuffle by its definition, axis by axis."""
    batch, channels, height, width = input.shape
    split = input.reshape(batch, channels // factor**2, factor, factor, height, width)
    return split.permute(0, 1, 4, 2, 5, 3).reshape(batch, -1, height * factor, width * factor)


CASES = [
    Case("PixelShuffle", make=lambda: nn.PixelShuffle(2)),
    Case(
        "PixelShuffle",
        params={"upscale_factor": 3},
        inputs={"input": "float32 2 18 2 4"},
        call=lambda input: shuffled(input, 3),
        name="formula",
    ),
    Case("PixelUnshuffle", make=lambda: nn.PixelUnshuffle(2)),
    Case(
        "PixelUnshuffle",
        params={"downscale_factor": 4},
        inputs={"input": "float32 2 3 4 8"},
        make=lambda: nn.PixelUnshuffle(4),
    ),
    Case("ChannelShuffle", make=lambda: nn.ChannelShuffle(2)),
    Case(
        "ChannelShuffle",
        params={"groups": 3},
        inputs={"input": "float32 2 6 5"},
        call=lambda input: input.reshape(2, 3, 2, 5).transpose(1, 2).reshape(2, 6, 5),
        name="formula",
    ),
    Case("Upsample", make=lambda: nn.Upsample(scale_factor=2.0)),
    Case("Upsample", call=nn.UpsamplingNearest2d(scale_factor=2), name="UpsamplingNearest2d"),
    Case(
        "Upsample",
        params={"mode": "bilinear", "align_corners": True, "scale_factor": [2.0, 3.0]},
        call=nn.UpsamplingBilinear2d(scale_factor=(2, 3)),
        name="UpsamplingBilinear2d",
    ),
    Case(
        "Upsample",
        params={"mode": "bicubic", "size": [7, 3], "scale_factor": None},
        make=lambda: nn.Upsample((7, 3), mode="bicubic"),
    ),
    Case(
        "Upsample",
        params={"mode": "bilinear", "scale_factor": 1.6, "recompute_scale_factor": True},
        make=lambda: nn.Upsample(scale_factor=1.6, mode="bilinear", recompute_scale_factor=True),
    ),
    Case(
        "Upsample",
        params={"mode": "area", "size": 3, "scale_factor": None},
        make=lambda: nn.Upsample(3, mode="area"),
    ),
    Case(
        "Upsample",
        params={"mode": "linear", "scale_factor": 1.5},
        inputs={"input": "float32 2 3 5"},
        make=lambda: nn.Upsample(scale_factor=1.5, mode="linear"),
    ),
    Case(
        "Upsample",
        params={"mode": "nearest-exact", "scale_factor": 0.5},
        inputs={"input": "float32 2 3 5"},
        make=lambda: nn.Upsample(scale_factor=0.5, mode="nearest-exact"),
    ),
    Case(
        "Upsample",
        params={"mode": "trilinear", "scale_factor": [1.0, 2.0, 1.5]},
        inputs={"input": "float32 2 3 2 3 4"},
        make=lambda: nn.Upsample(scale_factor=(1.0, 2.0, 1.5), mode="trilinear"),
    ),
    Case("Unfold", make=lambda: nn.Unfold(2)),
    Case(
        "Unfold",
        params={"kernel_size": [2, 3], "dilation": [1, 2], "padding": [0, 1], "stride": [3, 1]},
        make=lambda: nn.Unfold((2, 3), (1, 2), (0, 1), (3, 1)),
    ),
    Case("Fold", make=lambda: nn.Fold(8, 2)),
    Case(
        "Fold",
        params={"output_size": [6, 7], "kernel_size": [2, 3], "dilation": [1, 2], "padding": [0, 1], "stride": [2, 1]},
        inputs={"input": "float32 2 12 15"},
        make=lambda: nn.Fold((6, 7), (2, 3), (1, 2), (0, 1), (2, 1)),
    ),
]
