"""Ports that many ops share, named for what they take."""

from __future__ import annotations

from typing import Annotated

from engine.declare import ANY, FLOAT, NUMBER, Port, Value

# Modules hold their weights as float32, so what meets a weight must be float32 as well.
F32 = ("float32",)

Floats = Annotated[Value, Port(FLOAT, "...")]
Numbers = Annotated[Value, Port(NUMBER, "...")]
Anything = Annotated[Value, Port(ANY, "...")]

Sequence1d = Annotated[Value, Port(F32, "N C L")]
Image2d = Annotated[Value, Port(F32, "N C H W")]
Volume3d = Annotated[Value, Port(F32, "N C D H W")]

# Functions without weights take all floats.
FloatSequence1d = Annotated[Value, Port(FLOAT, "N C L")]
FloatImage2d = Annotated[Value, Port(FLOAT, "N C H W")]
FloatVolume3d = Annotated[Value, Port(FLOAT, "N C D H W")]

AnySequence1d = Annotated[Value, Port(ANY, "N C L")]
AnyImage2d = Annotated[Value, Port(ANY, "N C H W")]
AnyVolume3d = Annotated[Value, Port(ANY, "N C D H W")]
