"""Specs with a Python node, and code to put into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine import edit, trust
from engine.blocks import op_of
from engine.spec import Spec
from tests.builders import chain

LAYER = """\
class Model(nn.Module):
    def __init__(self, width: int = 8, *, bias: bool = True):
        super().__init__()
        self.linear = nn.Linear(16, width, bias=bias)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x, *, scale: float = 1.0):
        self.calls += 1
        return F.relu(self.linear(x)) * scale
"""


def with_code(code: str, names: str = "output", shape: tuple[int | str, ...] = ("N", 16), **params: Any) -> Spec:
    """Input -> Python -> an Output for each of its outputs; the code is not trusted."""
    spec = chain("Python", shape=shape)
    for name, value in {"code": code, "output_names": names, **params}.items():
        spec = edit.set_param(spec, "python_1", name, value)
    op = op_of(spec, spec.nodes["python_1"])
    assert op is not None
    for port in op.output_ports():
        spec = edit.add(spec, "Output", inputs={"input": f"python_1.{port}"})
    return spec


def trusted(code: str, names: str = "output", shape: tuple[int | str, ...] = ("N", 16), **params: Any) -> Spec:
    """The same, the code trusted."""
    trust.trust(code)
    return with_code(code, names, shape, **params)


def leaving_a_mark(path: Path) -> str:
    """Code that leaves a file behind where it is run, in whatever way."""
    mark = f"open({str(path)!r}, 'a').close()"
    return f"""\
{mark}
def forward(x, y={mark}, *, a: int = 1):
    {mark}
    return x
"""
