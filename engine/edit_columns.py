"""Edits of the data's columns: the steps that prepare one, and the kind it is read as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.columns import Column, ColumnKind
from engine.declare import did_you_mean
from engine.edit_settings import set_setting
from engine.ops.source import Source
from engine.ops.steps import Index, Step
from engine.problem import Mistake
from engine.spec import Spec, jsonable

TEXTS = "texts"  # the param of a source that says which columns are texts


def listed_steps(spec: Spec, column: Column) -> list[dict[str, Any]]:
    """The steps of a column as the spec writes them, else those it has by default."""
    section = _sections(spec).get(column.name)
    listed = section.get("steps", ()) if isinstance(section, Mapping) else column.default
    steps = listed if isinstance(listed, Sequence) and not isinstance(listed, str) else ()
    return [dict(each) for each in steps if isinstance(each, Mapping)]


def new_step(op: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A step as the spec writes it, with all its params; raises Mistake where there is none of that name."""
    if op not in Step.registry:
        raise Mistake(f"There is no column step {op!r}{did_you_mean(op, Step.registry)}.")
    return {"op": op, "params": jsonable({**Step.registry[op].defaults(), **(params or {})})}


def set_steps(spec: Spec, column: str, steps: Sequence[Mapping[str, Any]]) -> Spec:
    """Set the steps of a column, in their order; its name may hold dots, as no path of a setting can."""
    section = _sections(spec).get(column)
    own = {**(section if isinstance(section, Mapping) else {}), "steps": jsonable([dict(each) for each in steps])}
    return _with_sections(spec, {**_sections(spec), column: own})


def reset_steps(spec: Spec, column: str) -> Spec:
    """Give a column its default steps back."""
    return _with_sections(spec, {name: each for name, each in _sections(spec).items() if name != column})


def declared_step(op: str) -> type[Step] | None:
    """The declaration of a step, None where this version has none of that name."""
    return Step.registry.get(op)


def step_title(op: str) -> str:
    """The name of a step in words."""
    return Step.registry[op].title if op in Step.registry else op


def steps_for(column: Column) -> list[type[Step]]:
    """The steps that can follow those a column has, in the order of their groups."""
    return [step for step in Step.registry.values() if column.kind in step.kinds]


def kinds_for(spec: Spec, column: Column) -> tuple[ColumnKind, ...]:
    """The kinds that a column can be read as, the one it is first."""
    others: list[ColumnKind] = []
    steps = listed_steps(spec, column)
    held = all("number" in _kinds(each) for each in steps)  # by the source, and not made of dates by a step
    if column.kind == "number" and held and column.shape in ((), (1,)) and not column.parts:
        others.append("category")
    if column.kind == "category" and _was_number(spec, column):
        others.append("number")
    elif column.kind == "category" and _texts(spec) is not None and column.name != _param(spec, "target"):
        others.append("text")
    if column.kind == "text" and column.name in (_texts(spec) or ()):
        others.append("category")
    return (column.kind, *others)


def set_kind(spec: Spec, column: Column, kind: ColumnKind) -> Spec:
    """Read a column as another of `kinds_for`; steps that do not work on that kind fall away."""
    if kind not in kinds_for(spec, column):
        raise Mistake(f"{column.name} cannot be read as {kind}.")
    if kind == column.kind:
        return spec
    steps = listed_steps(spec, column)
    match column.kind, kind:
        case "number", "category":
            fitting = [each for each in steps if "category" in _kinds(each)]
            return set_steps(spec, column.name, [new_step(Index.__name__), *fitting])
        case "category", "number":
            return set_steps(spec, column.name, [each for each in steps if not _makes_classes(each)])
    texts = [each for each in _texts(spec) or () if each != column.name]
    chosen = [*texts, column.name] if kind == "text" else texts
    return set_setting(reset_steps(spec, column.name), f"data.source.params.{TEXTS}", chosen)


def _kinds(step: Mapping[str, Any]) -> tuple[ColumnKind, ...]:
    declared = Step.registry.get(str(step.get("op")))
    return declared.kinds if declared else ()


def _makes_classes(step: Mapping[str, Any]) -> bool:
    """Whether a step makes classes of numbers."""
    declared = Step.registry.get(str(step.get("op")))
    return declared is not None and bool(declared().makes("number") == "category")


def _was_number(spec: Spec, column: Column) -> bool:
    """Whether a category holds numbers before its steps."""
    return any(map(_makes_classes, listed_steps(spec, column)))


def _texts(spec: Spec) -> list[str] | None:
    """The columns that the source reads as texts because it is told so; None where it cannot be told."""
    source = spec.data.get("source")
    declared = Source.registry.get(str(source.get("kind"))) if isinstance(source, Mapping) else None
    if declared is None or TEXTS not in declared.params():
        return None
    found = _param(spec, TEXTS)
    return list(found) if isinstance(found, list | tuple) else []


def _param(spec: Spec, name: str) -> Any:
    source = spec.data.get("source")
    params = source.get("params") if isinstance(source, Mapping) else None
    return params.get(name) if isinstance(params, Mapping) else None


def _sections(spec: Spec) -> Mapping[str, Any]:
    found = spec.data.get("columns", {})
    return found if isinstance(found, Mapping) else {}


def _with_sections(spec: Spec, sections: Mapping[str, Any]) -> Spec:
    rest = {name: value for name, value in spec.data.items() if name != "columns"}
    return replace(spec, data={**rest, "columns": dict(sections)} if sections else rest)
