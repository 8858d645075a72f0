from __future__ import annotations

from typing import Annotated, Any

import pytest

from engine.declare import (
    FLOAT,
    INT64,
    Declared,
    Op,
    Port,
    Recipe,
    Value,
    did_you_mean,
    names_in,
    param,
    pattern,
    show_short,
    show_value,
)
from engine.kinds import Size2


class Thing(Declared, abstract=True):
    """Is declared in a test.

    A second paragraph says more.
    """

    width: int = param(4, "How wide it is.", low=1)
    size: Size2 = param(3, "How large it is.", low=1)
    rate: float | None = param(None, "How fast it goes.", above=0, advanced=True)


class Mixed(Op, abstract=True):
    """Has ports of every sort."""

    outputs = "output, (h_n, c_n)"

    def build(
        self,
        input: Annotated[Value, Port(FLOAT, "N C")],
        tensors: Annotated[list[Value], Port()],
        mask: Annotated[Value, Port(INT64, "N")] | None = None,
    ) -> Recipe:
        return Recipe("nn.Linear", input[1], len(tensors), mask)


def test_params_are_read_from_the_annotations_in_their_order() -> None:
    params = Thing.params()
    assert list(params) == ["width", "size", "rate"]
    assert params["width"].doc == "How wide it is."
    assert params["rate"].optional and not params["width"].optional
    assert params["rate"].advanced
    assert Thing.defaults() == {"width": 4, "size": 3, "rate": None}


def test_values_are_parsed_and_what_is_left_out_takes_its_default() -> None:
    thing, problems = Thing.parse({"size": [3, 5]})
    assert problems == []
    assert thing is not None
    assert (thing.width, thing.size, thing.rate) == (4, (3, 5), None)
    assert thing.changed() == {"size": (3, 5)}


def test_every_wrong_and_unknown_param_is_told_with_the_nearest_name() -> None:
    thing, problems = Thing.parse({"width": 0, "rate": 0, "widht": 3})
    assert thing is None
    assert {each.param: each.message for each in problems} == {
        "widht": "Thing has no param 'widht' (did you mean 'width'?).",
        "width": "width is 0; it must be at least 1.",
        "rate": "rate is 0; it must be greater than 0, or must be empty.",
    }


def test_what_is_declared_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Thing().width = 5  # type: ignore[misc]  # as meant


def test_a_docstring_is_read_by_paragraphs() -> None:
    assert Thing.doc() == "Is declared in a test."
    assert Thing.details() == "A second paragraph says more."


def test_ports_are_read_from_build() -> None:
    ports = Mixed.input_ports()
    assert list(ports) == ["input", "tensors", "mask"]
    assert (ports["input"].port, ports["input"].list, ports["input"].optional) == (Port(FLOAT, "N C"), False, False)
    assert ports["tensors"].list
    assert ports["mask"].optional
    assert Mixed.output_ports() == ("output", "h_n", "c_n")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", ()),
        ("output", "output"),
        ("output,", ("output",)),
        ("a, b", ("a", "b")),
        ("output, (h_n, c_n)", ("output", ("h_n", "c_n"))),
        ("(a, (b, c)), d", (("a", ("b", "c")), "d")),
    ],
)
def test_a_pattern_names_ports_and_unpacks_tuples(text: str, tree: Any) -> None:
    assert pattern(text) == tree
    assert "".join(names_in(tree)) == "".join(letter for letter in text if letter not in " (),")


def test_two_recipes_are_equal_where_they_build_the_same() -> None:
    value, other = Value("input", (2, 3), "float32"), Value("input", (5, 3), "float32")
    assert Recipe("nn.X", value, a=1) == Recipe("nn.X", other, a=1)
    assert Recipe("nn.X", value, a=1) != Recipe("nn.X", value, a=2)
    assert Recipe("nn.X") != Recipe("nn.X").called_with(mask=value)
    assert (value[1], value[-1], value.ndim) == (3, 3, 2)


@pytest.mark.parametrize(
    ("value", "long", "short"),
    [
        (None, "empty", ""),
        (True, "true", "True"),
        ("same", '"same"', "same"),
        ([3, 5], "(3, 5)", "3x5"),
        (0.5, "0.5", "0.5"),
        ("x" * 200, '"' + "x" * 76 + "...", "x" * 200),
    ],
)
def test_values_are_written_as_a_user_reads_them(value: Any, long: str, short: str) -> None:
    assert show_value(value) == long
    assert show_short(value) == short


def test_a_misspelt_name_is_met_with_the_nearest() -> None:
    assert did_you_mean("conv2D", ["Conv2d", "Linear"]) == " (did you mean 'Conv2d'?)"
    assert did_you_mean("xyz", ["Conv2d", "Linear"]) == ""
    assert did_you_mean("xyz", []) == ""
