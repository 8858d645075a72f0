"""The reference: one HTML page on all that is declared. It needs no torch, no network and no scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from html import escape
from itertools import groupby

from engine.catalogue import Outputs, axes, dtypes, everything, example, excluded, heading, torch_name
from engine.declare import Declared, Op, show_value

STYLE = """
:root { color-scheme: light dark; --ink: #1d2127; --dim: #5c6570; --paper: #ffffff; --wash: #f4f6f8; --line: #dde2e7;
  --accent: #1668b8; --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
@media (prefers-color-scheme: dark) { :root { --ink: #dfe4ea; --dim: #98a3af; --paper: #16191d; --wash: #1f2429;
  --line: #323a42; --accent: #6cb2f5; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 6rem; max-width: 62rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
a { color: var(--accent); text-decoration: none; }
a:hover, a:focus-visible { text-decoration: underline; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { margin: 4rem 0 1rem; padding-bottom: .35rem; font-size: 1.5rem; border-bottom: 1px solid var(--line); }
h3 { margin: 2.5rem 0 .25rem; font-size: 1.15rem; scroll-margin-top: 1rem; }
h3 a { color: inherit; }
p { margin: .25rem 0 .75rem; max-width: 46rem; }
code, .name, .type { font-family: var(--mono); font-size: .875em; }
.dim { color: var(--dim); }
nav dl { display: grid; grid-template-columns: minmax(9rem, 12rem) 1fr; gap: .5rem 1rem; margin: 1.5rem 0 0; }
nav dt { font-weight: 600; }
nav dd { margin: 0; }
nav dd a { margin-right: .9rem; white-space: nowrap; }
.scroll { overflow-x: auto; }
table { width: 100%; margin: .5rem 0 1rem; border-collapse: collapse; font-size: .9375rem; }
th { text-align: left; font-weight: 600; color: var(--dim); font-size: .8125rem; }
th, td { padding: .35rem .75rem .35rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
td.name { white-space: nowrap; }
pre { margin: .5rem 0 1rem; padding: .6rem .8rem; overflow-x: auto; background: var(--wash); border-radius: 6px;
  font: .875rem/1.5 var(--mono); }
@media (max-width: 40rem) { nav dl { grid-template-columns: 1fr; gap: .1rem; } nav dt { margin-top: .75rem; } }
@media print { body { max-width: none; padding: 0; } h3 { break-after: avoid; } table { break-inside: avoid; } }
"""

Ran = Callable[[type[Op]], Outputs | None]  # what comes out of an op's example


def page(ran: Ran = lambda _op: None) -> str:
    """The whole reference as HTML; `ran` tells what comes out of an op's example, where that is known."""
    groups = [(title, list(members)) for title, members in groupby(everything(), heading)]
    left_out = excluded()
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<title>Netloom reference</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        "<h1>Netloom reference</h1>",
        f"<p>{_about(sum(len(members) for _title, members in groups))}</p>",
        *_contents(groups, bool(left_out)),
    ]
    for title, members in groups:
        lines.append(f'<h2 id="{_slug(title)}">{escape(title)}</h2>')
        for declared in members:
            lines += _entry(declared, ran)
    lines += _left_out(left_out)
    return "\n".join([*lines, "</body>", "</html>", ""])


def _about(count: int) -> str:
    return (
        f"{count} things to build and train networks with: what each does, its params, and what goes in and comes out. "
        "Axes are named by letters; N counts the samples of a batch."
    )


def anchor(declared: type[Declared]) -> str:
    """The anchor of an entry: "op-Conv2d"."""
    return f"{declared.family}-{declared.__name__}"


def _slug(title: str) -> str:
    return "group-" + "-".join("".join(letter if letter.isalnum() else " " for letter in title.lower()).split())


def _contents(groups: list[tuple[str, list[type[Declared]]]], left_out: bool) -> Iterator[str]:
    yield "<nav><dl>"
    for title, members in groups:
        links = " ".join(f'<a href="#{anchor(each)}">{each.__name__}</a>' for each in members)
        yield f'<dt><a href="#{_slug(title)}">{escape(title)}</a></dt><dd>{links}</dd>'
    if left_out:
        words = "what PyTorch has beside, and why it is not here"
        yield f'<dt><a href="#left-out">Left out</a></dt><dd class="dim">{words}</dd>'
    yield "</dl></nav>"


def _entry(declared: type[Declared], ran: Ran) -> Iterator[str]:
    name = anchor(declared)
    yield f'<h3 id="{name}"><a href="#{name}">{declared.__name__}</a></h3>'
    facts = [f"<code>{escape(source)}</code>"] if (source := torch_name(declared)) else []
    if declared.synonyms:
        facts.append(f"also found as {escape(', '.join(declared.synonyms))}")
    for paragraph in (declared.doc(), *declared.details().splitlines()):
        if paragraph:
            yield f"<p>{escape(paragraph)}</p>"
    if facts:
        yield f'<p class="dim">{"; ".join(facts)}</p>'
    yield from _params(declared)
    if issubclass(declared, Op):
        yield from _ports(declared)
        line = example(declared, ran(declared))
        if line:
            yield f"<pre>{escape(line)}</pre>"


def _params(declared: type[Declared]) -> Iterator[str]:
    if not declared.params():
        return
    rows = []
    for each in declared.params().values():
        bounds = each.bounds.words()
        kind = f"{escape(each.kind.name)}{f'<br>{escape(bounds)}' if bounds else ''}"
        cells = (f'<td class="type">{kind}</td>', f"<td><code>{escape(show_value(each.default))}</code></td>")
        rows.append(f'<tr><td class="name">{each.name}</td>{"".join(cells)}<td>{escape(each.doc)}</td></tr>')
    yield from _table(("Param", "Type", "Default", "Meaning"), rows)


def _ports(op: type[Op]) -> Iterator[str]:
    rows = []
    for port in op.input_ports().values():
        marks = ", ".join(word for word, is_so in (("a list", port.list), ("optional", port.optional)) if is_so)
        cells = f"<td>{escape(axes(port.port.axes))}</td><td>{escape(dtypes(port.port.dtypes))}</td><td>{marks}</td>"
        rows.append(f'<tr><td class="name">{port.name}</td>{cells}</tr>')
    if rows:
        yield from _table(("Input", "Axes", "Number type", ""), rows)
    if len(op.output_ports()) > 1:
        yield f"<p>Outputs: <code>{', '.join(op.output_ports())}</code></p>"


def _table(titles: tuple[str, ...], rows: list[str]) -> Iterator[str]:
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    yield f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>'
    yield from rows
    yield "</tbody></table></div>"


def _left_out(table: Mapping[str, str]) -> Iterator[str]:
    if not table:
        return
    yield '<h2 id="left-out">Left out</h2>'
    rows = [f'<tr><td class="name">{escape(name)}</td><td>{escape(reason)}</td></tr>' for name, reason in table.items()]
    yield from _table(("In PyTorch", "Why it is not here"), rows)
