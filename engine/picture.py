"""A graph as an SVG picture, drawn as the studio shows it. Plain: no Qt, no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from engine import card, edit
from engine.amounts import memory, short_count
from engine.blocks import is_taken, op_of
from engine.colours import FAMILY, UNKNOWN
from engine.declare import show_short
from engine.layout import layout
from engine.report import NodeReport, Report
from engine.sharing import SHARE
from engine.spec import BLOCK, Node, Spec, source_id, source_port

MARGIN = 64
STRIPE = 4
RADIUS = 6
SANS = "'DejaVu Sans', 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
MONO = "'DejaVu Sans Mono', Menlo, Consolas, monospace"
WIDTH_A_LETTER = {13: 7.6, 11: 6.3, 10: 6.05}  # pixels, by font size, on the safe side


@dataclass(frozen=True, slots=True)
class _Look:
    ground: str
    card: str
    edge: str
    text: str
    dim: str
    wire: str
    place: int  # in a pair of light and dark


LIGHT = _Look("#f5f6f8", "#ffffff", "#d3d8df", "#1d2430", "#596273", "#9aa4b2", 0)
DARK = _Look("#1a1d22", "#262b33", "#3a414c", "#e8ebf0", "#a2acba", "#6b7686", 1)


def svg(spec: Spec, report: Report | None = None, *, dark: bool = False) -> str:
    """Draw a spec as SVG text; with a report, shapes and parameter counts are written on the cards.

    Nodes stand where the spec's canvas has them; a spec that was never placed is laid out.
    """
    look = DARK if dark else LIGHT
    placed = any(edit.position(spec, node) != (0, 0) for node in spec.nodes)
    places: Mapping[str, tuple[float, float]] = (
        {node: edit.position(spec, node) for node in spec.nodes} if placed else layout(spec)
    )
    left = min((x for x, _ in places.values()), default=0) - MARGIN
    top = min((y for _, y in places.values()), default=0) - MARGIN
    width = max((x for x, _ in places.values()), default=0) + card.WIDTH + MARGIN - left
    told = report.nodes if report else {}
    bottom = max(
        (places[node.id][1] + _height(spec, node, told.get(node.id)) for node in spec.nodes.values()), default=0
    )
    height = bottom + MARGIN - top
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:g} {top:g} {width:g} {height:g}"',
        f'width="{width:g}" height="{height:g}" font-family={quoteattr(SANS)}>',
        f"<title>{escape(spec.name)}</title>",
        f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" fill="{look.ground}"/>',
        *_wires(spec, places, look),
    ]
    for node in spec.nodes.values():
        parts += _card(spec, node, places[node.id], told.get(node.id), look)
    return "\n".join([*parts, "</svg>", ""])


def _wires(spec: Spec, places: Mapping[str, tuple[float, float]], look: _Look) -> Iterator[str]:
    for node in spec.nodes.values():
        sockets = {(socket.port, socket.place): socket.y for socket in card.inputs(spec, node)}
        for port, place, wire in node.wires():
            source = spec.nodes.get(source_id(wire))
            if source is None:
                continue
            named = {socket.port: socket.y for socket in card.outputs(spec, source)}
            start_y = named.get(source_port(wire) or next(iter(named), ""), card.HEADER // 2)
            start = (places[source.id][0] + card.WIDTH, places[source.id][1] + start_y)
            end = (places[node.id][0], places[node.id][1] + sockets[port, place])
            yield f'<path d="{_path(start, end)}" fill="none" stroke="{look.wire}" stroke-width="1.6"/>'
            yield f'<circle cx="{end[0]:g}" cy="{end[1]:g}" r="3" fill="{look.wire}"/>'


def _path(start: card.Point, end: card.Point) -> str:
    """A wire as an SVG path."""
    parts = [f"M{start[0]:g} {start[1]:g}"]
    for one, two, three in card.route(start, end):
        parts.append(f"C{one[0]:g} {one[1]:g} {two[0]:g} {two[1]:g} {three[0]:g} {three[1]:g}")
    return " ".join(parts)


def _card(spec: Spec, node: Node, place: tuple[float, float], report: NodeReport | None, look: _Look) -> Iterator[str]:
    x, y = place
    op = op_of(spec, node)
    colour = FAMILY.get(op.group, UNKNOWN)[look.place] if op else UNKNOWN[look.place]
    title = edit.title(spec, node.id) or card.op_name(node)
    second = " ".join(
        each for each in (card.op_name(node) if title != card.op_name(node) else "", summary(spec, node)) if each
    )
    lines = foot(node, report)
    clip, high = f"c-{node.id}", _height(spec, node, report)
    line = y + high - card.foot_height(len(lines))
    outline = f'<rect x="{x:g}" y="{y:g}" width="{card.WIDTH}" height="{high}" rx="{RADIUS}"'
    yield f'<clipPath id="{clip}">{outline}/></clipPath>'
    yield f'<g clip-path="url(#{clip})">'
    yield f'<rect x="{x:g}" y="{y:g}" width="{card.WIDTH}" height="{high}" fill="{look.card}"/>'
    yield f'<rect x="{x:g}" y="{y:g}" width="{STRIPE}" height="{high}" fill="{colour}"/>'
    yield _text(x + 16, y + 26, title, 13, look.text, card.WIDTH - 28, bold=True)
    yield _text(x + 16, y + 46, second, 11, look.dim, card.WIDTH - 28)
    if card.rows(spec, node):
        for socket in card.inputs(spec, node):
            yield _text(x + 16, y + socket.y + 4, card.label(socket), 10, look.dim, card.WIDTH / 2)
        for socket in card.outputs(spec, node):
            yield _text(x + card.WIDTH - 12, y + socket.y + 4, socket.port, 10, look.dim, card.WIDTH / 2, end=True)
    yield f'<line x1="{x + STRIPE:g}" x2="{x + card.WIDTH:g}" y1="{line:g}" y2="{line:g}" stroke="{look.edge}"/>'
    for row, text in enumerate(lines):
        colour = look.dim if row else look.text
        yield _text(x + 16, line + 18 + card.FOOT_LINE * row, text, 10, colour, card.WIDTH - 28, mono=True)
    yield "</g>"
    yield f'{outline} fill="none" stroke="{look.edge}"/>'


def summary(spec: Spec, node: Node) -> str:
    """The key params of a node in one short line; empty where its params are wrong.

    A param taken from the block around shows as it is written, such as "4 * width".
    """
    op = op_of(spec, node)
    if op is None:
        return ""
    if node.op == BLOCK or any(map(is_taken, node.params.values())):
        values = {name: node.params[name] for name in op.key if name in node.params}
        words = [_word(name, _written(value)) for name, value in values.items()]
        return ", ".join(each for each in (card.rounds(node), *words) if each)
    instance = op.parse(node.params)[0]
    return instance.summary() if instance is not None else ""


def _word(name: str, text: str) -> str:
    """A param with its value; the name alone where it is taken from the block around under the same name."""
    return name if text == name else f"{name} {text}".strip()


def _written(value: Any) -> str:
    return str(next(iter(value.values()))) if is_taken(value) else show_short(value)


def _height(spec: Spec, node: Node, report: NodeReport | None) -> int:
    return card.height(spec, node) + card.FOOT_LINE * (len(foot(node, report)) - 1)


def foot(node: Node, report: NodeReport | None) -> list[str]:
    """The lines in a card's foot: the shape, then what the node costs and whose weights it uses, where that is so."""
    shape = str(next(iter(report.outputs.values()))) if report and report.outputs else ""
    return [shape, *(line for line in (costs(report), shares(node)) if line)]


def costs(report: NodeReport | None) -> str:
    """What a node learns and multiplies, in short: "36.9k params · 116M MACs"; empty where it does neither."""
    if report is None:
        return ""
    params = f"{short_count(report.parameters)} param{'s' * (report.parameters != 1)}" if report.parameters else ""
    macs = f"{short_count(report.macs)} MAC{'s' * (report.macs != 1)}" if report.macs else ""
    return " · ".join(each for each in (params, macs) if each)


def counts_of(report: NodeReport) -> Iterator[str]:
    """What a node costs in full, a line each."""
    if report.parameters:
        frozen = f", {report.frozen:,} of them frozen" if report.frozen else ""
        yield f"{report.parameters:,} parameters{frozen}; {memory(report.weight_bytes)} in a file"
    if report.macs:
        yield f"{report.macs:,} multiply-accumulates a sample"
    if report.activation_bytes:
        yield f"{memory(report.activation_bytes)} kept for the backward pass of a batch"


def shares(node: Node) -> str:
    """Whose weights a node uses: "shares embedding_1"; empty where they are its own."""
    owner = node.weights.get(SHARE)
    return f"shares {owner}" if isinstance(owner, str) else ""


def _text(
    x: float,
    y: float,
    text: str,
    size: int,
    colour: str,
    room: float,
    *,
    bold: bool = False,
    mono: bool = False,
    end: bool = False,
) -> str:
    letters = max(1, int(room / (WIDTH_A_LETTER[size] * (1.08 if bold else 1))))
    shown = text if len(text) <= letters else text[: letters - 1] + "…"
    marks = ' font-weight="600"' * bold + f" font-family={quoteattr(MONO)}" * mono + ' text-anchor="end"' * end
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}"{marks}>{escape(_printable(shown))}</text>'


def _printable(text: str) -> str:
    """Leave out the control characters that XML cannot hold."""
    return "".join(letter for letter in text if letter.isprintable())
