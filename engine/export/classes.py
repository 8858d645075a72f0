"""A program as Python classes: one for the graph and one for each block, a readable line a node."""

from __future__ import annotations

import keyword
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from engine import edit
from engine.block_edits import inside
from engine.blocks import port_name
from engine.declare import Call, Pattern, Recipe, Torch
from engine.expand import expand, home
from engine.export.own_code import OwnCode
from engine.export.scopes import Scope, Use, scoped
from engine.export.shares import Shares
from engine.program import Program, Ref, Step
from engine.spec import BLOCK, SLASH, Spec, source_id, source_port

OWN = "modules."
Lines = list[str]


class Writer:
    """Writes the classes of a program. No variable and no class takes one of the `reserved` names."""

    def __init__(self, spec: Spec, program: Program, reserved: frozenset[str]) -> None:
        self._spec, self._expanded, self._program, self._reserved = spec, expand(spec), program, reserved
        self._used = {ref for step in program.steps for ref in step.refs()} | set(program.outputs.values())
        self._classes: dict[str, Lines] = {}  # name -> its lines, in the order in which they are needed
        self._class_names: dict[str, str] = {}  # path of a round -> the name of its class
        self._blocks = dict(_block_names(spec))
        self.own_code = OwnCode()

    def classes(self, whole: Program, live: Callable[[Step], bool]) -> Lines:
        """Write every class, blocks before what uses them, `Model` last.

        `whole` has the steps that nothing needs as well; those of them that `live` accepts are built for their
        weights.
        """
        self._idle = {step.node: step for step in whole.steps if step not in self._program.steps and live(step)}
        built = {step.node: step for step in self._program.steps if isinstance(step.recipe, Recipe)} | self._idle
        self._shares = Shares(whole, built, live)
        root = scoped(self._program, self._blocks)
        head = f'    """The graph {plain(self._spec.name)}."""'
        parameters = [self._variable(feed.node) for feed in self._program.feeds]
        signature = ", ".join(["self", *(f"{name}: Tensor" for name in parameters)])
        names = {Ref(feed.node): self._variable(feed.node) for feed in self._program.feeds}
        body = self._body(root, names)
        outputs = ", ".join(f"{name!r}: {self._name(root, ref, names)}" for name, ref in self._program.outputs.items())
        init = self._init(root)
        lines = ["class Model(nn.Module):", head, "", *init, ""]
        lines += [f"    def forward({signature}) -> dict[str, Tensor]:", *body, f"        return {{{outputs}}}"]
        return [line for each in self._classes.values() for line in (*each, "", "")] + lines

    # --------------------------------------------------------------------------------------------------- names

    def _variable(self, name: str) -> str:
        taken = name in self._reserved or name in self._classes or keyword.iskeyword(name)
        return f"{name}_" if taken else name

    def _name(self, scope: Scope, ref: Ref, names: Mapping[Ref, str]) -> str:
        if ref in names:
            return names[ref]
        local = scope.local(ref.node)
        if SLASH in local:
            return self._result_name(scope, ref)
        return self._variable(f"{local}_{ref.port}" if ref.port not in ("", "output") else local)

    def _result_name(self, scope: Scope, ref: Ref) -> str:
        """The name of what comes out of a block's round: the use's id, numbered where there are several."""
        use_id, _, number = scope.local(ref.node).rpartition(SLASH)[0].partition(SLASH)
        use = next(part for part in scope.parts if isinstance(part, Use) and scope.local(part.path) == use_id)
        place = int(number.partition(SLASH)[0])
        outputs = use.rounds[place].outputs
        name = use_id if place == len(use.rounds) - 1 else f"{use_id}_{place}"
        name = f"{name}_{outputs.index(ref) + 1}" if len(outputs) > 1 else name
        ids = {scope.local(part.node) for part in scope.parts if isinstance(part, Step)}
        while name in ids:
            name += "_"
        return self._variable(name)

    def _input_names(self, scope: Scope) -> dict[Ref, str]:
        """The names of what comes into a round: those of the block's ports."""
        block, _node = home(self._spec, f"{scope.path}{SLASH}x")
        held = self._spec.blocks.get(block)
        ports: dict[tuple[str, str], str] = {}
        for node in held.nodes.values() if held else ():
            wire = self._expanded.feeds.get(f"{scope.path}{SLASH}{node.id}") if node.op == "Input" else None
            if wire is not None:
                ports.setdefault((source_id(wire), source_port(wire)), port_name(node))
        names: dict[Ref, str] = {}
        for ref in scope.inputs:
            port = ports.get((ref.node, ref.port), ports.get((ref.node, ""), f"input_{len(names) + 1}"))
            plain = port if port.isidentifier() else f"input_{len(names) + 1}"
            free = plain if plain not in names.values() else f"{plain}_{len(names) + 1}"
            names[ref] = self._variable(free)
        return names

    # ------------------------------------------------------------------------------------------------- classes

    def _class(self, scope: Scope) -> str:
        """Write the class of a round, unless an equal one stands there already; returns its name."""
        if scope.path not in self._class_names:
            self._class_names[scope.path] = self._written_class(scope)
        return self._class_names[scope.path]

    def _written_class(self, scope: Scope) -> str:
        names = self._input_names(scope)
        body = self._body(scope, names)
        init = self._init(scope)
        outputs = [self._name(scope, ref, names) for ref in scope.outputs]
        kind = "Tensor" if len(outputs) == 1 else f"tuple[{', '.join(['Tensor'] * len(outputs))}]"
        signature = ", ".join(["self", *(f"{name}: Tensor" for name in names.values())])
        doc = self._spec.blocks[scope.block].extra.get("doc") if scope.block in self._spec.blocks else None
        head = [f'    """{plain(doc)}"""', ""] if isinstance(doc, str) and doc else []
        rest = [
            *head,
            *init,
            "",
            f"    def forward({signature}) -> {kind}:",
            *body,
            f"        return {', '.join(outputs)}",
        ]
        stem = scope.block[0].upper() + scope.block[1:]
        stem = f"{stem}Block" if stem in self._reserved or keyword.iskeyword(stem) else stem
        for number in range(1, len(self._classes) + 2):
            name = stem if number == 1 else f"{stem}{number}"
            if name not in self._classes:
                self._classes[name] = [f"class {name}(nn.Module):", *rest]
            if self._classes[name][1:] == rest:
                return name
        raise AssertionError("one of the names is free")

    def _init(self, scope: Scope) -> Lines:
        lines = ["    def __init__(self) -> None:", "        super().__init__()"]
        covered: list[str] = []  # uses whose weights, or those of all but the first round, are written as one
        later: Lines = []
        for part in scope.parts:
            if isinstance(part, Step):
                lines += self._built(scope, part)
            elif (twin := self._twin(part, scope)) is not None:
                covered.append(f"{part.path}{SLASH}")
                later.append(f"        self.{scope.local(part.path)} = self.{scope.local(twin.path)}")
            else:
                covered += [f"{each.path}{SLASH}" for each in part.rounds[1:] if self._is_one(part)]
                lines.append(f"        self.{scope.local(part.path)} = {self._rounds(part)}")
        for node, step in self._idle.items():
            if scope.holds(node) and SLASH not in scope.local(node):
                lines += self._built(scope, step)
        across = self._shares.across(scope, lambda node: node.startswith(tuple(covered)))
        return [*lines, *later, *(f"        {line}" for line in (*self._shares.inside(scope), *across))]

    def _is_one(self, use: Use) -> bool:
        return (
            len(use.rounds) > 1
            and len({self._class(each) for each in use.rounds}) == 1
            and self._shares.rounds_are_one(use)
        )

    def _twin(self, use: Use, scope: Scope) -> Use | None:
        """The use whose module is this one's as well."""
        twin = self._shares.twin_of(use, scope)
        if twin is None or [self._class(each) for each in use.rounds] != [self._class(each) for each in twin.rounds]:
            return None
        return twin

    def _built(self, scope: Scope, step: Step) -> Lines:
        """The line that makes a step's module; none where it has none, or has that of a step beside it."""
        if not isinstance(step.recipe, Recipe) or self._shares.beside(step.node):
            return []
        block, node = home(self._spec, step.node)
        note = plain(edit.title(inside(self._spec, block), node))
        making = self.own_code.making(step) or called(step.recipe)
        return [f"        self.{scope.local(step.node)} = {making}{f'  # {note}' if note else ''}"]

    def _rounds(self, use: Use) -> str:
        names = [self._class(each) for each in use.rounds]
        if self._is_one(use):
            return f"nn.ModuleList([{names[0]}()] * {len(names)})"
        if len(names) > 1 and len(set(names)) == 1:
            return f"nn.ModuleList([{names[0]}() for _ in range({len(names)})])"
        return f"nn.ModuleList([{', '.join(f'{name}()' for name in names)}])"

    # ------------------------------------------------------------------------------------------------- forward

    def _body(self, scope: Scope, names: Mapping[Ref, str]) -> Lines:
        lines: Lines = []
        for part in scope.parts:
            written = self._use(scope, part, names) if isinstance(part, Use) else [self._line(scope, part, names)]
            lines += [f"        {line}" for line in written]
        return lines

    def _use(self, scope: Scope, use: Use, names: Mapping[Ref, str]) -> Lines:
        loop = self._loop(scope, use, names)
        return loop or [self._round(scope, use, place, names) for place in range(len(use.rounds))]

    def _round(self, scope: Scope, use: Use, place: int, names: Mapping[Ref, str]) -> str:
        each = use.rounds[place]
        given = ", ".join(self._name(scope, ref, names) for ref in each.inputs)
        results = ", ".join(self._name(scope, ref, names) for ref in each.outputs)
        return f"{results} = self.{scope.local(use.path)}[{place}]({given})"

    def _loop(self, scope: Scope, use: Use, names: Mapping[Ref, str]) -> Lines:
        """Write rounds as a loop, where each takes what the one before gave, and the rest from outside alike."""
        first, last = use.rounds[0], use.rounds[-1]
        if len(use.rounds) < 2 or len({self._class(each) for each in use.rounds}) > 1:
            return []
        places = [_place(ref, first.outputs) for ref in use.rounds[1].inputs]
        for before, after in zip(use.rounds, use.rounds[1:], strict=False):
            if [_place(ref, before.outputs) for ref in after.inputs] != places or len(before.outputs) != len(
                last.outputs
            ):
                return []
            if any(
                ref != other
                for ref, other, place in zip(after.inputs, first.inputs, places, strict=True)
                if place is None
            ):
                return []
        if sorted(place for place in places if place is not None) != list(range(len(first.outputs))):
            return []
        carried = [self._name(scope, ref, names) for ref in last.outputs]
        start = {
            place: self._name(scope, ref, names)
            for ref, place in zip(first.inputs, places, strict=True)
            if place is not None
        }
        given = [
            carried[place] if place is not None else self._name(scope, ref, names)
            for ref, place in zip(first.inputs, places, strict=True)
        ]
        return [
            f"{', '.join(carried)} = {', '.join(start[place] for place in range(len(carried)))}",
            f"for each in self.{scope.local(use.path)}:",
            f"    {', '.join(carried)} = each({', '.join(given)})",
        ]

    def _line(self, scope: Scope, step: Step, names: Mapping[Ref, str]) -> str:
        return f"{self._assigned(scope, step, step.outputs)} = {self._call(scope, step, names)}"

    def _assigned(self, scope: Scope, step: Step, tree: Pattern) -> str:
        if isinstance(step.outputs, str):
            return self._name(scope, Ref(step.node), {})
        if isinstance(tree, str):
            ref = Ref(step.node, tree)
            return self._name(scope, ref, {}) if ref in self._used else "_"
        return ", ".join(self._part(scope, step, part) for part in tree) + "," * (len(tree) == 1)

    def _part(self, scope: Scope, step: Step, part: Pattern) -> str:
        inner = self._assigned(scope, step, part)
        if isinstance(part, str):
            return inner
        return "_" if set(inner) <= set("_, ") else f"({inner})"

    def _call(self, scope: Scope, step: Step, names: Mapping[Ref, str]) -> str:
        def value(each: Any) -> str:
            if isinstance(each, Ref):
                return self._name(scope, each, names)
            if isinstance(each, Call):
                return calling(each.target, each.args, each.kwargs)
            if isinstance(each, list):
                return f"[{', '.join(map(value, each))}]"
            if isinstance(each, tuple):
                return f"({', '.join(map(value, each))}{',' * (len(each) == 1)})"
            return literal(each)

        def arguments(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
            return ", ".join([*map(value, args), *(f"{name}={value(each)}" for name, each in kwargs.items())])

        def calling(target: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
            if target.startswith("."):
                return f"{value(args[0])}{target}({arguments(args[1:], kwargs)})"
            return f"{written(target)}({arguments(args, kwargs)})"

        if isinstance(step.recipe, Recipe):
            return f"self.{scope.local(step.node)}({arguments(step.args, step.kwargs)})"
        return calling(step.recipe.target, step.args, step.kwargs)


def plain(text: str) -> str:
    """Text that is safe in a comment or a docstring."""
    return "".join(letter for letter in text if letter.isprintable()).replace("\\", "/").replace('"', "'")


def _place(ref: Ref, among: Sequence[Ref]) -> int | None:
    return among.index(ref) if ref in among else None


def _block_names(spec: Spec, prefix: str = "", path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield the path of every use, of any round, with its block's name."""
    for node in spec.nodes.values():
        if node.op == BLOCK and node.block in spec.blocks and node.block not in path:
            yield f"{prefix}{node.id}", node.block
            inner = Spec(nodes=spec.blocks[node.block].nodes, blocks=spec.blocks)
            count = node.repeat if isinstance(node.repeat, int) else 64
            for number in range(count):
                yield from _block_names(inner, f"{prefix}{node.id}{SLASH}{number}{SLASH}", (*path, node.block))


def called(recipe: Recipe | Call) -> str:
    """Write what a recipe builds, or a call of constants."""
    arguments = [*map(literal, recipe.args), *(f"{name}={literal(value)}" for name, value in recipe.kwargs.items())]
    return f"{written(recipe.target)}({', '.join(arguments)})"


def written(target: str) -> str:
    """A recipe's target as source: our own stand beside it, those of packages are imported."""
    return target.replace(":", ".") if ":" in target else target.removeprefix(OWN)


def literal(value: Any) -> str:
    """Write a constant: a plain value, one of torch's, or a call that makes one."""
    if isinstance(value, Torch):
        return value.name
    if isinstance(value, Recipe | Call):
        return called(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return f"[{', '.join(map(literal, value))}]" if isinstance(value, list) else repr(value)
