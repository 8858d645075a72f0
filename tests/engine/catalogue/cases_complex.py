"""Cases of complex numbers."""

from __future__ import annotations

import torch

from tests.engine.catalogue.case import Case

CASES = [
    Case("Real", call=lambda input: torch.view_as_real(input)[..., 0]),
    Case("Imag", call=lambda input: torch.view_as_real(input)[..., 1]),
    Case("Angle", call=lambda input: torch.atan2(input.imag, input.real), tolerance=1e-6),
    Case("Angle", call=torch.angle, inputs={"input": "float32 2 3"}, name="of real numbers"),
    Case("Conj", call=lambda input: torch.complex(input.real, -input.imag)),
    Case("Complex", call=lambda real, imag: real + 1j * imag),
    Case(
        "Polar",
        call=lambda abs, angle: torch.complex(abs * angle.cos(), abs * angle.sin()),
        tolerance=1e-6,
    ),
    Case("ViewAsReal", call=lambda input: torch.stack((input.real, input.imag), -1)),
    Case("ViewAsComplex", call=lambda input: torch.complex(input[..., 0], input[..., 1])),
    Case(
        "ViewAsComplex",
        call=lambda input: torch.complex(input[..., 0], input[..., 1]),
        inputs={"input": "float64 3 2"},
        name="double",
    ),
]
