"""Modules and functions that PyTorch lacks. They need torch alone: exports copy their source."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class Constant(nn.Module):
    """A tensor, or a nest of tuples of tensors, that was computed beforehand.

    It moves with the module to another device and is no part of the weights.
    """

    def __init__(self, value: Any) -> None:
        super().__init__()
        self._count = 0
        self._tree = self._kept(value)

    def _kept(self, value: Any) -> Any:
        """Register each tensor; returns the nest with names in their places."""
        if isinstance(value, Tensor):
            name = f"value_{self._count}"
            self._count += 1
            self.register_buffer(name, value, persistent=False)
            return name
        return tuple([self._kept(each) for each in value])

    def forward(self) -> Any:
        return self._given(self._tree)

    def _given(self, tree: Any) -> Any:
        return getattr(self, tree) if isinstance(tree, str) else tuple([self._given(each) for each in tree])
