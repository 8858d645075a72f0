"""Modules and functions that PyTorch lacks. They need torch alone: exports copy their source."""

from __future__ import annotations
