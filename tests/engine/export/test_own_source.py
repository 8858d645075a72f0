from __future__ import annotations

import ast
import builtins
import importlib
import math
import pkgutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine import edit, modules
from engine.compile import compile
from engine.export import export
from engine.export.own_source import DEFINITIONS, copied_source
from engine.spec import Spec
from tests.builders import chain
from tests.engine.export.test_export import computed_alone, run_folder

ALONE: dict[str, Any] = {"torch": torch, "nn": nn, "Tensor": Tensor, "math": math}


def loaded_names(text: str) -> set[str]:
    """Names that Python looks for outside the function that uses them."""
    tree = ast.parse(text)
    local = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    local |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return used - local - set(dir(builtins))


@pytest.mark.parametrize("name", sorted(modules.__all__))
def test_a_definition_is_copied_with_all_it_needs(name: str) -> None:
    text = "\n".join(copied_source(name))
    space = {"__name__": "exported", **ALONE}
    exec(text, space)
    assert name in space
    assert loaded_names(text) <= space.keys()


def test_every_public_definition_is_named_once_in_the_package() -> None:
    found: list[str] = []
    for each in pkgutil.iter_modules(modules.__path__):
        source = Path(str(importlib.import_module(f"engine.modules.{each.name}").__file__)).read_text()
        found += [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert len(found) == len(set(found))
    assert set(modules.__all__) <= set(found) <= DEFINITIONS.keys()


def test_what_a_definition_needs_stands_before_it_and_only_once() -> None:
    text = "\n".join(copied_source("MFCC() + MelSpectrogram() + box_iou"))
    order = ["window_of", "STFT", "Spectrogram", "mel_of", "mel_filters", "MelSpectrogram", "MFCC", "box_iou"]
    places = {
        name: text.index(f"{kind} {name}(") for name in order for kind in ("def", "class") if f"{kind} {name}(" in text
    }
    assert all(text.count(f"{kind} {name}(") <= 1 for name in order for kind in ("def", "class"))
    assert places["window_of"] < places["STFT"] < places["Spectrogram"] < places["MelSpectrogram"] < places["MFCC"]
    assert places["mel_of"] < places["mel_filters"] < places["MelSpectrogram"]
    assert "NormalizeImage" not in text


def test_source_that_names_nothing_of_ours_gets_nothing() -> None:
    assert copied_source("x = torch.relu(y)") == []


def speech() -> Spec:
    spec = chain("PreEmphasis", "MelSpectrogram", shape=("N", "L"))
    spec = edit.set_param(spec, "mel_spectrogram_1", "log", True)
    spec = edit.add(spec, "Transpose", inputs={"input": "mel_spectrogram_1"})
    spec = edit.add(spec, "LearnedPositions", inputs={"input": "transpose_1"})
    spec = edit.add(spec, "CausalMask", params={"form": "added"}, inputs={"input": "transpose_1"})
    inputs = {**dict.fromkeys(("query", "key", "value"), "learned_positions_1"), "attn_mask": "causal_mask_1"}
    spec = edit.add(spec, "ScaledDotProductAttention", params={"dropout_p": 0.1}, inputs=inputs)
    return edit.add(spec, "Output", inputs={"input": "scaled_dot_product_attention_1"})


def detector() -> Spec:
    spec = edit.add(Spec(), "Input", params={"shape": ["N", 4, 3, 3]})
    spec = edit.add(spec, "DecodeBoxes", params={"exponential": True}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Chunk", params={"chunks": 4, "dim": 1}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Flatten", inputs={"input": "chunk_1.output_3"})
    inputs = {"boxes": "decode_boxes_1", "scores": "flatten_1"}
    spec = edit.add(
        spec, "NMS", params={"max_detections": 5, "max_candidates": 9, "score_threshold": -9.0}, inputs=inputs
    )
    spec = edit.add(spec, "MaskedFill", inputs={"input": "nms_1.scores", "mask": "nms_1.mask"})
    for wire in ("nms_1.boxes", "nms_1.labels", "masked_fill_1"):
        spec = edit.add(spec, "Output", inputs={"input": wire})
    return spec


@pytest.mark.parametrize(
    ("spec", "given"),
    [(speech(), torch.randn(2, 1600)), (detector(), torch.randn(2, 4, 3, 3))],
    ids=["speech", "detector"],
)
def test_an_exported_model_carries_our_modules_with_it(tmp_path: Path, spec: Spec, given: Tensor) -> None:
    source, *_ = export(run_folder(spec, tmp_path / "run"), "python", tmp_path / "exported.py")
    alone = computed_alone(source, {"a": given}, tmp_path)
    module = compile(spec, only="inference", seed=5).module.eval()
    with torch.inference_mode():
        expected = module(given)
    assert alone.keys() == expected.keys()
    assert all(torch.equal(alone[name], expected[name]) for name in expected)
    assert any(each.isfinite().any() and each.any() for each in expected.values())
