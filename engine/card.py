"""The shape of a node's card: its size and where its ports stand. Canvas, picture and layout agree by it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.blocks import is_taken, op_of
from engine.declare import names_in, pattern
from engine.spec import BLOCK, Node, Spec

WIDTH = 208
HEADER, ROW, FOOT = 60, 18, 28
FOOT_LINE = 15  # for each line in the foot after the first
ROWS_GAP = 6  # below the last row of ports
HEIGHT = HEADER + FOOT
LEAST_BEND, RETURN_BEND = 32.0, 48.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Socket:
    """A place where a wire ends: a port, its place in a list port (else None), and its height below the card's top."""

    port: str
    place: int | None
    y: int
    free: bool = False  # the place after a list port's last wire


def inputs(spec: Spec, node: Node) -> list[Socket]:
    """The sockets on the left side, top to bottom; those of ports that the op does not have come last."""
    count = rows(spec, node)
    places = enumerate(_places(spec, node))
    return [Socket(port, place, _y(row, count), free) for row, (port, place, free) in places]


def _places(spec: Spec, node: Node) -> list[tuple[str, int | None, bool]]:
    """Each place where a wire can end: port, place in a list, and whether it is a list port's free one.

    A wire that does not suit its port, a list into a single one or the other way about, has its place all the same.
    """
    op = op_of(spec, node)
    ports = op.input_ports() if op else {}
    found: list[tuple[str, int | None, bool]] = []
    for port in {**ports, **node.inputs}:
        wires, is_list = node.inputs.get(port, ()), port in ports and ports[port].list
        if isinstance(wires, str) or not (wires or is_list):
            found.append((port, None, False))
            continue
        found += [(port, place, False) for place in range(len(wires))]
        if is_list:
            found.append((port, len(wires), True))
    return found


def outputs(spec: Spec, node: Node) -> list[Socket]:
    """The sockets on the right side, top to bottom."""
    count = rows(spec, node)
    return [Socket(name, None, _y(row, count)) for row, name in enumerate(outputs_of(spec, node))]


def outputs_of(spec: Spec, node: Node) -> tuple[str, ...]:
    """The outputs that give a tensor as a node is set; all of its op's while that cannot be told."""
    op = op_of(spec, node)
    ports = op.output_ports() if op else ("output",)
    if op is None or len(ports) < 2 or any(map(is_taken, node.params.values())):
        return ports
    instance = op.parse(node.params)[0]
    given = names_in(pattern(instance.returns())) if instance is not None else ()
    return tuple(port for port in ports if port in given) or ports


def height(spec: Spec, node: Node) -> int:
    """The height of a node's card with one line in its foot: a row for each port where it has several on one side."""
    count = rows(spec, node)
    return HEIGHT + ROW * count + ROWS_GAP * (count > 0)


def foot_height(lines: int) -> int:
    """The height of a foot of so many lines."""
    return FOOT + FOOT_LINE * (lines - 1)


def rows(spec: Spec, node: Node) -> int:
    """How many rows of ports a card has; none where one port a side stands beside the title."""
    count = max(len(_places(spec, node)), len(outputs_of(spec, node)))
    return count if count > 1 else 0


def _y(row: int, count: int) -> int:
    return HEADER + ROW * row + ROW // 2 if count else HEADER // 2


def op_name(node: Node) -> str:
    """What a node is, in a word: its op, or the block that it stands for."""
    return node.block if node.op == BLOCK else node.op


def rounds(node: Node) -> str:
    """How often a block stands in a row: "× 6", "" where it stands once."""
    if node.repeat == 1:
        return ""
    return f"× {next(iter(node.repeat.values())) if is_taken(node.repeat) else node.repeat}"


def label(socket: Socket) -> str:
    """What stands beside a socket: "input", "tensors 2", and "+" for a list's free place."""
    if socket.place is None:
        return socket.port
    return f"{socket.port} +" if socket.free else f"{socket.port} {socket.place + 1}"


def route(start: Point, end: Point) -> list[tuple[Point, Point, Point]]:
    """The way of a wire as cubic curves, each (first control, second control, end).

    A wire that leads back to the left runs between the lines of cards, as a carriage returns.
    """
    (x, y), (end_x, end_y) = start, end
    if end_x >= x + LEAST_BEND / 2 or abs(end_y - y) < HEIGHT:
        bend = max(LEAST_BEND, abs(end_x - x) / 2)
        return [((x + bend, y), (end_x - bend, end_y), end)]
    lane = y + (HEIGHT if end_y > y else -HEADER)
    return [
        ((x + RETURN_BEND, y), (x + RETURN_BEND, lane), (x, lane)),
        ((x, lane), (end_x, lane), (end_x, lane)),
        ((end_x - RETURN_BEND, lane), (end_x - RETURN_BEND, end_y), end),
    ]
