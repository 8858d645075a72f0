from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from engine import kinds
from engine.kinds import Bool, Bounds, Choice, Either, Float, Int, Kind, ListOf, Nothing, Shape, Size, Text, kind_of

SHARE, COUNT = Bounds(low=0, below=1), Bounds(low=1, high=9)
EXACT: list[Kind] = [
    Nothing(),
    Bool(),
    Text(),
    Int(COUNT),
    Int(Bounds(above=0)),
    Float(SHARE),
    Choice(("mean", "sum", 3)),
    Size(1, COUNT),
    Size(2, COUNT),
    Size(3, gaps=True),
    ListOf(Float(SHARE)),
    ListOf(Int(), count=2),
    Either((Nothing(), Int(COUNT))),
    Either((Size(2, COUNT), Choice(("same", "valid")))),
]
VALUES = st.recursive(
    st.sampled_from([None, True, False, -1, 0, 1, 3, 9, 10, -0.5, 0.5, 0.999, 1e-9, "", "mean", "same", "N", "1"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(EXACT), VALUES)
def test_a_kind_and_its_schema_accept_the_same(kind: Kind, value: Any) -> None:
    assert (kind.refuse(value) is None) == Draft202012Validator(kind.schema()).is_valid(value)


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_what_a_shape_accepts_its_schema_accepts(value: Any) -> None:
    for kind in (Shape(), Shape(named=False)):
        if kind.refuse(value) is None:
            assert Draft202012Validator(kind.schema()).is_valid(value)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([*EXACT, Shape()]), VALUES)
def test_a_refusal_ends_a_sentence_and_what_is_accepted_can_be_computed_with(kind: Kind, value: Any) -> None:
    refusal = kind.refuse(value)
    if refusal is None:
        hash(kind.parse(value))
    else:
        assert refusal.startswith(("must ", "has "))


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (Int(), True, "must be a whole number"),
        (Int(), 2.0, "must be a whole number"),
        (Int(), 2**63, "must fit in 64 bits"),
        (Int(COUNT), 0, "must be at least 1"),
        (Int(COUNT), 10, "must be at most 9"),
        (Int(Bounds(high=2**20)), 2**20 + 1, "must be at most 1,048,576"),
        (Float(SHARE), 1, "must be less than 1"),
        (Float(Bounds(above=0)), 0.0, "must be greater than 0"),
        (Float(), float("nan"), "must be a finite number"),
        (Float(), float("inf"), "must be a finite number"),
        (Float(), 10**400, "must be a finite number"),
        (Float(), "much", "must be a number"),
        (Choice(("mean", "sum")), "median", "must be mean or sum"),
        (Choice((1, 2)), True, "must be 1 or 2"),
        (Size(2), [1, 2, 3], "must be one whole number, or 2 of them"),
        (Size(2, COUNT), [1, 0], "must be at least 1"),
        (Shape(), ["N", "x y"], "must be a whole number or a name such as N"),
        (Shape(), [-1], "out of range"),
        (Shape(named=False), ["N"], "must be a whole number"),
        (Either((Nothing(), Int(COUNT))), 0, "must be empty, or must be at least 1"),
    ],
)
def test_a_wrong_value_is_refused_in_words(kind: Kind, value: Any, words: str) -> None:
    refusal = kind.refuse(value)
    assert refusal is not None
    assert words in refusal


@pytest.mark.parametrize(
    ("hint", "kind", "name"),
    [
        (int, Int(COUNT), "int"),
        (float, Float(COUNT), "float"),
        (bool, Bool(), "bool"),
        (str, Text(), "str"),
        (int | None, Either((Int(COUNT), Nothing())), "int | none"),
        (Literal["a", "b"], Choice(("a", "b")), "a | b"),
        (kinds.Size2, Size(2, COUNT), "int | (int, int)"),
        (kinds.FilePath, kinds.Path("file"), "path of a file"),
        (tuple[float, ...], ListOf(Float(COUNT)), "list of float"),
    ],
)
def test_a_kind_is_derived_from_an_annotation(hint: Any, kind: Kind, name: str) -> None:
    assert kind_of(hint, COUNT) == kind
    assert kind.name == name


def test_an_annotation_that_means_no_kind_is_a_fault_of_the_declaration() -> None:
    with pytest.raises(TypeError, match="no kind of param"):
        kind_of(dict)


def test_limits_are_said_in_a_few_words() -> None:
    assert Bounds(low=1, high=2**20).words() == "at least 1, at most 1,048,576"
    assert Bounds(above=0, below=0.5).words() == "greater than 0, less than 0.5"
    assert Bounds().words() == ""
