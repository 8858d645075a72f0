"""Losses for sequences whose alignment is not known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from engine.declare import INDEX, Mistake, Port, Recipe, Value, param
from engine.ops.loss import Reduced, one_number

Lengths = Annotated[Value, Port(INDEX, "N")]


class CTCLoss(Reduced, group="Losses"):
    """Reads a sequence of labels out of a longer one without knowing where each lies: speech and handwriting.

    log_probs is N T C, the batch first as everywhere here (PyTorch's own CTCLoss takes T N C): logarithms of
    probabilities, from a LogSoftmax over the last axis. targets is N S, class indices without the blank, filled up with
    anything behind target_lengths. Without input_lengths every sequence has all T steps; without target_lengths a
    target ends at its first blank.
    """

    synonyms = ("speech", "handwriting", "ocr", "connectionist temporal classification", "alignment")
    example = {"log_probs": "float32:-3..-1 2 8 5", "targets": "int64:1..4 2 3"}
    metric_inputs = {
        "input": "log_probs",
        "target": "targets",
        "input_lengths": "input_lengths",
        "target_lengths": "target_lengths",
    }
    classes = ("log_probs", "targets")
    class_axis = 2

    blank: int = param(0, "Class index of the blank, which stands for no label.", low=0)
    zero_infinity: bool = param(
        True, "Whether a target that is too long for its sequence counts as 0 instead of infinite.", advanced=True
    )

    def build(
        self,
        log_probs: Annotated[Value, Port(("float32", "float64"), "N T C")],
        targets: Annotated[Value, Port(INDEX, "N S")],
        input_lengths: Lengths | None = None,
        target_lengths: Lengths | None = None,
    ) -> Recipe:
        if self.blank >= log_probs[2]:
            raise Mistake(
                f"blank is {self.blank}, but log_probs has {log_probs[2]} classes, counted from 0.", param="blank"
            )
        return Recipe("modules.CTCLoss", **{"zero_infinity": self.zero_infinity, **self.changed()})

    def measured(self, **_inputs: Any) -> Mapping[str, Mapping[str, Any]]:
        """The error rate of the labels read out greedily."""
        return {"CharacterErrorRate": {"decode": "ctc", "blank": self.blank}}

    def trace(self, *_args: Any, **inputs: Any) -> dict[str, tuple[tuple[int | str, ...], str]]:
        return one_number(inputs["log_probs"])
