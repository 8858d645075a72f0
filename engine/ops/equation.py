"""The equation of an einsum, held against the tensors it is about."""

from __future__ import annotations

from collections.abc import Sequence

from engine.declare import Mistake, Value
from engine.ops.axes import counted, shown

REST = "..."


def checked_equation(text: str, tensors: Sequence[Value]) -> str:
    """Return the equation without spaces; raises Mistake where it does not go with the tensors."""
    equation = "".join(text.split())
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    for term in (*terms, right):
        _checked_term(term)
    if len(terms) != len(tensors):
        have, want = f"{len(tensors)} wired", "1 tensor" if len(terms) == 1 else f"{len(terms)} tensors"
        raise _wrong(f'equation is "{equation}", for {want}, but {have}; write one group of letters for each.')
    sizes: dict[str, tuple[int, int]] = {}
    for place, (term, tensor) in enumerate(zip(terms, tensors, strict=True), 1):
        _bind(term, place, tensor, sizes)
    _checked_rest(terms, tensors)
    if arrow:
        _checked_result(right, terms)
    return equation


def _wrong(words: str) -> Mistake:
    return Mistake(words, param="equation")


def _checked_term(term: str) -> None:
    letters = term.replace(REST, "", 1)
    for letter in letters:
        if not (letter.isascii() and letter.isalpha()):
            raise _wrong(f'equation has "{letter}" in "{term}"; only letters, commas, -> and ... may stand in it.')


def _bind(term: str, place: int, tensor: Value, sizes: dict[str, tuple[int, int]]) -> None:
    """Give each letter of a term the size of its axis."""
    before, rest, behind = term.partition(REST)
    letters = len(before) + len(behind)
    if (tensor.ndim < letters) if rest else (tensor.ndim != letters):
        at_least = "at least " if rest else ""
        raise _wrong(
            f'Tensor {place} is {shown(tensor)}, with {counted(tensor.ndim)}, but "{term}" names {at_least}{letters}; '
            "write one letter for each axis."
        )
    shape = [*tensor.shape[: len(before)], *(tensor.shape[tensor.ndim - len(behind) :] if behind else ())]
    for letter, size in zip(before + behind, shape, strict=True):
        known, where = sizes.setdefault(letter, (size, place))
        if known != size:
            raise Mistake(
                f"{letter} is {known} in tensor {where} and {size} in tensor {place}; they must be equal.",
                param="tensors",
            )


def _checked_rest(terms: Sequence[str], tensors: Sequence[Value]) -> None:
    """Check that the axes for which ... stands go together, counted from the last."""
    known: dict[int, tuple[int, int]] = {}
    for place, (term, tensor) in enumerate(zip(terms, tensors, strict=True), 1):
        before, rest, behind = term.partition(REST)
        shape = tensor.shape[len(before) : tensor.ndim - len(behind)] if rest else ()
        for axis, size in enumerate(reversed(shape)):
            other, where = known.setdefault(axis, (size, place)) if size != 1 else (1, place)
            if size not in (1, other):
                words = f"Among the axes of ..., one is {other} in tensor {where} and {size} in tensor {place}"
                raise Mistake(f"{words}; they must be equal or 1.", param="tensors")


def _checked_result(right: str, terms: Sequence[str]) -> None:
    for letter in right.replace(REST, "", 1):
        if right.count(letter) > 1:
            raise _wrong(f'equation has "{letter}" twice behind the arrow; each letter may come out once.')
        if not any(letter in term for term in terms):
            raise _wrong(
                f'equation has "{letter}" behind the arrow but not before it; it must name an axis of a tensor.'
            )
    if REST in right and not any(REST in term for term in terms):
        raise _wrong("equation has ... behind the arrow but not before it; write it into a tensor's letters too.")
