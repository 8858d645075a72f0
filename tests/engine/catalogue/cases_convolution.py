"""Cases of the convolutions."""

from __future__ import annotations

from torch import nn

from tests.engine.catalogue.case import Case

CASES = [
    Case("Conv1d", make=lambda: nn.Conv1d(3, 32, 3, padding="same")),
    Case(
        "Conv1d",
        params={"out_channels": 6, "kernel_size": 4, "stride": 2, "padding": 1, "dilation": 2, "groups": 3},
        make=lambda: nn.Conv1d(3, 6, 4, stride=2, padding=1, dilation=2, groups=3),
    ),
    Case(
        "Conv1d",
        params={"kernel_size": 4, "padding_mode": "circular"},
        make=lambda: nn.Conv1d(3, 32, 4, padding="same", padding_mode="circular"),
    ),
    Case("Conv2d", make=lambda: nn.Conv2d(3, 32, 3, padding="same")),
    Case(
        "Conv2d",
        params={"out_channels": 4, "kernel_size": [3, 5], "stride": [2, 1], "padding": [0, 2], "bias": False},
        make=lambda: nn.Conv2d(3, 4, (3, 5), stride=(2, 1), padding=(0, 2), bias=False),
    ),
    Case(
        "Conv2d",
        params={"out_channels": 4, "kernel_size": 5, "padding": "valid", "dilation": [1, 2]},
        make=lambda: nn.Conv2d(3, 4, 5, padding="valid", dilation=(1, 2)),
    ),
    Case(
        "Conv2d",
        params={"out_channels": 4, "kernel_size": 5, "padding_mode": "reflect"},
        make=lambda: nn.Conv2d(3, 4, 5, padding="same", padding_mode="reflect"),
    ),
    Case("Conv3d", make=lambda: nn.Conv3d(3, 32, 3, padding="same")),
    Case(
        "Conv3d",
        params={"out_channels": 6, "kernel_size": [1, 3, 3], "stride": 2, "padding": 1, "groups": 3},
        make=lambda: nn.Conv3d(3, 6, (1, 3, 3), stride=2, padding=1, groups=3),
    ),
    Case(
        "Conv3d",
        params={"out_channels": 2, "padding": 2, "padding_mode": "replicate"},
        make=lambda: nn.Conv3d(3, 2, 3, padding=2, padding_mode="replicate"),
    ),
    Case("ConvTranspose1d", make=lambda: nn.ConvTranspose1d(3, 32, 2, stride=2)),
    Case(
        "ConvTranspose1d",
        params={"out_channels": 6, "kernel_size": 3, "stride": 3, "padding": 1, "output_padding": 2, "groups": 3},
        make=lambda: nn.ConvTranspose1d(3, 6, 3, stride=3, padding=1, output_padding=2, groups=3),
    ),
    Case("ConvTranspose2d", make=lambda: nn.ConvTranspose2d(3, 32, 2, stride=2)),
    Case(
        "ConvTranspose2d",
        params={"out_channels": 4, "kernel_size": [2, 4], "stride": 1, "dilation": [3, 1], "bias": False},
        make=lambda: nn.ConvTranspose2d(3, 4, (2, 4), stride=1, dilation=(3, 1), bias=False),
    ),
    Case(
        "ConvTranspose2d",
        params={"stride": [1, 2], "dilation": [3, 1], "output_padding": [2, 1]},
        make=lambda: nn.ConvTranspose2d(3, 32, 2, stride=(1, 2), dilation=(3, 1), output_padding=(2, 1)),
    ),
    Case("ConvTranspose3d", make=lambda: nn.ConvTranspose3d(3, 32, 2, stride=2)),
    Case(
        "ConvTranspose3d",
        params={"out_channels": 3, "kernel_size": 3, "stride": [1, 2, 2], "padding": 1, "groups": 3},
        make=lambda: nn.ConvTranspose3d(3, 3, 3, stride=(1, 2, 2), padding=1, groups=3),
    ),
]
