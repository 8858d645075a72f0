"""A case of the catalogue test: an op at some params and inputs, and what PyTorch computes when called directly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from engine import edit
from engine.ops import OPS
from engine.spec import Spec

Given = dict[str, Any]  # port -> tensor, or list of tensors


@dataclass(frozen=True)
class Case:
    """`make` builds the module by hand (weights are drawn from one seed), `call` calls it, or is the function itself.

    Without `call` the module gets the inputs in the order of the ports. `inputs` overrides the op's example, port by
    port; None takes a port away. `tolerance` is 0 where the results must be equal bit for bit. `differentiable` is
    off where no gradient flows to any input or weight, `constant` names ports that PyTorch refuses a gradient.
    """

    op: str
    make: Callable[[], nn.Module] | None = None
    call: Callable[..., Any] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 0.0
    differentiable: bool = True
    constant: tuple[str, ...] = ()
    name: str = ""

    def __str__(self) -> str:
        changed = ",".join(f"{name}={value}" for name, value in self.params.items())
        return "-".join(each for each in (self.op, self.name or changed[:40].replace(" ", "")) if each)

    def texts(self) -> dict[str, Any]:
        """The inputs as the declaration's example writes them."""
        texts = {**OPS[self.op].example, **self.inputs}
        return {port: texts[port] for port in OPS[self.op].input_ports() if texts.get(port) is not None}

    def given(self) -> Given:
        """Numbers for every port, the same each time."""
        source = torch.Generator().manual_seed(11)
        return {
            port: tensor(text, source) if isinstance(text, str) else [tensor(each, source) for each in text]
            for port, text in self.texts().items()
        }

    def spec(self) -> Spec:
        """An Input a tensor, the op, and an Output for each of its outputs."""
        spec, wires = Spec(), {}
        for port, text in self.texts().items():
            names = []
            for each in [text] if isinstance(text, str) else text:
                dtype, *sizes = each.split()
                params = {"shape": [int(size) for size in sizes], "dtype": dtype.partition(":")[0]}
                names.append(edit.new_id(spec, "Input"))
                spec = edit.add(spec, "Input", params=params)
            wires[port] = names[0] if isinstance(text, str) else names
        node = edit.new_id(spec, self.op)
        spec = edit.add(spec, self.op, params=self.params, inputs=wires)
        for port in OPS[self.op].output_ports():
            spec = edit.add(spec, "Output", inputs={"input": f"{node}.{port}"})
        return spec

    def expected(self, given: Given, seed: int) -> tuple[list[Any], nn.Module | None]:
        """What PyTorch computes, flattened in the order of the output ports, and the module made by hand."""
        module = None
        if self.make is not None:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                module = self.make()
        if self.call is None:
            assert module is not None, f"{self} needs make or call"
            result = module(*given.values())
        else:
            result = self.call(**given) if module is None else self.call(module, **given)
        return flattened(result), module


def tensor(text: str, source: torch.Generator) -> Tensor:
    """Numbers for "float32 2 3", "int64:1..5 4" (from 1 to 5; without bounds 0 and 1), "float32:0..1 3"."""
    kind, *sizes = text.split()
    name, _, bounds = kind.partition(":")
    dtype, shape = getattr(torch, name), [int(size) for size in sizes]
    if dtype == torch.bool:
        return torch.randint(0, 2, shape, generator=source).bool()
    if dtype.is_complex:
        return torch.randn(shape, generator=source, dtype=dtype)
    if dtype.is_floating_point:
        if bounds:
            low, high = map(float, bounds.split(".."))
            return (torch.rand(shape, generator=source) * (high - low) + low).to(dtype)
        return torch.randn(shape, generator=source).to(dtype)
    low, high = (int(each) for each in (bounds or "0..1").split(".."))
    return torch.randint(low, high + 1, shape, generator=source).to(dtype)


def flattened(result: Any) -> list[Any]:
    """The tensors of a nest of tuples and lists, left to right."""
    if isinstance(result, tuple | list):
        return [each for part in result for each in flattened(part)]
    return [result]
