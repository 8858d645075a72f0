"""Runs an exported module where nothing of ours can be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file


def computed_alone(source: Path, inputs: dict[str, torch.Tensor], folder: Path) -> dict[str, torch.Tensor]:
    """Run an exported module in a process that has PyTorch and nothing of ours on its path."""
    save_file(inputs, folder / "given.safetensors")
    script = f"""
import sys
sys.path.insert(0, {str(source.parent)!r})
import torch
torch.set_num_threads({torch.get_num_threads()})
import {source.stem} as exported
given = exported.read_safetensors("given.safetensors")
with torch.inference_mode():
    outputs = exported.load_model()(*given.values())
assert not [name for name in sys.modules if name.split(".")[0] in ("engine", "app", "safetensors")]
torch.save(outputs, "outputs.pt")
"""
    subprocess.run([sys.executable, "-I", "-c", script], cwd=folder, check=True, timeout=60)
    outputs: dict[str, torch.Tensor] = torch.load(folder / "outputs.pt", weights_only=True)
    return outputs
