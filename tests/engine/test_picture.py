from __future__ import annotations

from xml.etree import ElementTree as ET

from engine import card, edit
from engine.check import check
from engine.picture import DARK, LIGHT, summary, svg
from engine.spec import Spec
from tests.builders import chain, image_classifier

NAMESPACE = "{http://www.w3.org/2000/svg}"


def drawn(spec: Spec, **more: object) -> ET.Element:
    return ET.fromstring(svg(spec, **more))  # type: ignore[arg-type]  # a report, or whether dark


def texts(root: ET.Element) -> list[str]:
    return [each.text or "" for each in root.iter(f"{NAMESPACE}text")]


def test_a_picture_has_a_card_a_node_and_a_line_a_wire() -> None:
    root = drawn(image_classifier())
    assert len(root.findall(f"{NAMESPACE}g")) == 9
    assert len(root.findall(f"{NAMESPACE}path")) == 9
    assert "Conv2d" in texts(root)


def test_with_a_report_shapes_and_counts_are_written() -> None:
    spec = image_classifier()
    assert "N × 4 × 8 × 8" not in texts(drawn(spec))
    assert {"N × 4 × 8 × 8", "40 params · 2.3k MACs", "2.6k params · 2.6k MACs"} <= set(
        texts(drawn(spec, report=check(spec)))
    )


def test_all_cards_lie_within_the_picture() -> None:
    spec = edit.move(edit.tidy(image_classifier()), {"conv2d_1": (-960, -800)})
    root = drawn(spec)
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    for rect in root.iter(f"{NAMESPACE}rect"):
        x, y, right, low = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        assert left <= x and x + right <= left + width
        assert top <= y and y + low <= top + height


def test_a_graph_that_was_never_placed_is_laid_out() -> None:
    root = drawn(chain("ReLU", "Tanh"))
    outlines = {(rect.attrib["x"], rect.attrib["y"]) for rect in root.iter(f"{NAMESPACE}rect")}
    assert len(outlines) >= 4


def test_a_picture_is_light_or_dark() -> None:
    assert LIGHT.ground in svg(image_classifier()) and DARK.ground not in svg(image_classifier())
    assert DARK.ground in svg(image_classifier(), dark=True)


def test_titles_are_written_as_text_and_cut_where_they_are_too_long() -> None:
    spec = edit.set_title(image_classifier(), "conv2d_1", "<b>&" + "long " * 30)
    title = next(each for each in texts(drawn(spec)) if each.startswith("<b>&"))
    assert title.endswith("…")
    assert len(title) * 7 < card.WIDTH


def test_a_summary_names_the_key_params_and_is_empty_where_they_are_wrong() -> None:
    spec = image_classifier()
    assert summary(spec, spec.nodes["conv2d_1"]) == "4, 3x3"
    wrong = edit.set_param(spec, "conv2d_1", "kernel_size", "large")
    assert summary(wrong, wrong.nodes["conv2d_1"]) == ""


def test_an_empty_project_is_an_empty_picture() -> None:
    assert texts(drawn(Spec())) == []


def test_whose_weights_a_node_uses_is_written_below_its_shape() -> None:
    spec = edit.set_share(chain("Linear", "Linear"), "linear_2", "linear_1")
    assert "shares linear_1" in texts(drawn(spec))
