from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from engine import catalogue
from engine.cli import main
from engine.declare import Declared, Metric, Op
from engine.ops import OPS
from engine.problem import Mistake
from engine.reference import anchor, page

ROOT = Path(__file__).parents[2]
VOID = {"meta", "br", "link", "img", "hr"}


class Page(HTMLParser):
    """Reads a page and keeps its anchors, its links, and whether its tags are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self._open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name == "href":
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def test_everything_that_is_declared_is_listed_once_and_documented() -> None:
    listed = catalogue.everything()
    assert len({anchor(each) for each in listed}) == len(listed)
    assert {each.__name__ for each in listed if issubclass(each, Op)} == set(OPS)
    families = {each.family for each in listed}
    assert {"op", "optimizer", "schedule", "initializer", "source", "step", "settings"} <= families
    for each in listed:
        assert each.doc().endswith("."), f"{each.__name__} has no sentence"
        assert catalogue.heading(each), f"{each.__name__} is under no heading"
        for param in each.params().values():
            assert param.doc.endswith("."), f"{each.__name__}.{param.name} has no sentence"
            assert param.refuse(param.default) is None, f"{each.__name__}.{param.name} refuses its own default"


def test_the_reference_has_every_name_and_every_link_leads_somewhere() -> None:
    text = page()
    read = Page(text)
    assert len(set(read.ids)) == len(read.ids)
    assert {anchor(each) for each in catalogue.everything()} <= set(read.ids)
    assert all(link.startswith("#") and link[1:] in read.ids for link in read.links)
    assert "script" not in read.tags and "link" not in read.tags
    assert "prefers-color-scheme: dark" in text
    for name, why in catalogue.excluded().items():
        assert name in text and why.endswith(".")
    assert "torch.optim.lr_scheduler.LambdaLR" in text


def test_texts_of_declarations_cannot_break_the_page() -> None:
    class Odd(Declared, family="odd"):
        """A <b>bold</b> & "odd" one."""

    class Sharp(Odd):
        """Has <i>tags</i> & quotes."""

        synonyms = ("<script>",)

    try:
        text = page()
    finally:
        Odd.registry.clear()
    assert "Has &lt;i&gt;tags&lt;/i&gt; &amp; quotes." in text
    assert "<script>" not in text
    Page(text)


def test_the_reference_is_made_without_torch() -> None:
    code = "import sys; from engine.reference import page; page(); assert 'torch' not in sys.modules, 'torch'"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_an_example_shows_the_call_and_what_comes_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops", "Conv2d"]) == 0
    said = capsys.readouterr().out
    line = 'nn.Conv2d(3, 32, 3, padding="same")(float32 2 x 3 x 16 x 16) -> float32 2 x 32 x 16 x 16'
    assert line in said
    assert "torch.nn.Conv2d" in said
    assert "input: N C H W, float32" in said
    assert "at least 1" in said


@pytest.mark.parametrize(
    ("op", "line"),
    [
        ("Concat", "torch.cat([float32 2 x 3, float32 2 x 5], dim=1)"),
        ("Cast", "(int64 2 x 3).to(torch.float32)"),
        ("CrossEntropyLoss", "nn.CrossEntropyLoss()(input: float32 4 x 10, target: int64 4)"),
        ("Accuracy", ""),
    ],
)
def test_examples_are_written_as_python(op: str, line: str) -> None:
    assert catalogue.example(OPS[op]) == line


def test_every_op_with_an_example_has_a_line() -> None:
    for name, op in OPS.items():
        assert bool(catalogue.example(op)) == bool(op.example and not issubclass(op, Metric)), name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Adam", "torch.optim.Adam"),
        ("CosineAnnealingLR", "torch.optim.lr_scheduler.CosineAnnealingLR"),
        ("Orthogonal", "torch.nn.init.orthogonal_"),
        ("Table", "Rows of a CSV"),
        ("Standardize", "standard deviation 1"),
        ("Training", "epochs = 10"),
        ("conv2d", "Conv2d (Convolution"),
        ("torch.cat", "Concat (Shape"),
    ],
)
def test_anything_declared_can_be_asked_for(name: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops", name]) == 0
    assert words in capsys.readouterr().out


def test_an_unknown_name_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops", "AdamWW"]) == 2
    assert "did you mean 'AdamW'" in capsys.readouterr().err
    with pytest.raises(Mistake):
        catalogue.find("Nothing like it")


def test_the_list_names_everything_under_its_heading(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops"]) == 0
    said = capsys.readouterr().out
    for each in catalogue.everything():
        assert f"  {each.__name__}" in said
        assert f"{catalogue.heading(each)}\n" in said


def test_the_json_keeps_its_keys_and_tells_the_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops", "--json"]) == 0
    items: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert len(items) == len(catalogue.everything())
    for item in items:
        assert {"op", "family", "group", "doc", "params", "inputs", "outputs"} <= set(item)
        assert all({"name", "type", "default", "doc"} <= set(param) for param in item["params"])
    assert main(["ops", "Adam", "--json"]) == 0
    (adam,) = json.loads(capsys.readouterr().out)
    assert (adam["family"], adam["torch"], adam["inputs"]) == ("optimizer", "torch.optim.Adam", [])


def test_the_reference_is_written_to_a_file(tmp_path: Path) -> None:
    assert main(["ops", "--html", str(tmp_path / "r.html")]) == 0
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "-&gt; float32 2 x 32 x 16 x 16" in text
    Page(text)
