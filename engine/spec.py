"""The graph spec: one immutable value, read from and written to a JSON file.

Reading is tolerant of what it does not know (unknown keys are kept in `extra` and written back), strict about
what it cannot hold (a clear Mistake says where). It runs no code and imports no torch.
"""

from __future__ import annotations

import contextlib
import json
import keyword
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.migrate import FORMAT, migrate
from engine.problem import Mistake

Json = Any
Wire = str  # "node" or "node.port": the output a wire starts at

SUFFIX = ".netloom"
PART = ".part"  # of the name of a file that is not yet whole
ID = re.compile(r"[a-z][a-z0-9_]*")
BLOCK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
LARGEST_FILE = 256 * 2**20  # bytes; a spec of 100,000 nodes is about 40 MiB


SLASH = "/"  # between a use, a round and a node inside: "encoder/0/attn"
BLOCK = "Block"  # the op of a node that stands for a block


@dataclass(frozen=True, slots=True)
class Node:
    """One node: its op's name, all params by name, and for each input port the wire or list of wires into it.

    A node of the op Block stands for the block that `block` names, `repeat` times in a row; `repeat` is a whole
    number or, inside a block, a param of it.
    """

    id: str
    op: str
    params: Mapping[str, Json] = field(default_factory=dict)
    inputs: Mapping[str, Wire | tuple[Wire, ...]] = field(default_factory=dict)
    block: str = ""
    repeat: Json = 1
    share_weights: bool = False
    factor: float = 1.0
    decode: Mapping[str, Json] | None = None
    weights: Mapping[str, Json] = field(default_factory=dict)
    extra: Mapping[str, Json] = field(default_factory=dict)

    def wires(self) -> Iterator[tuple[str, int | None, Wire]]:
        """Yield (port, place in the list or None, wire) for every wire into the node, in order."""
        for port, wire in self.inputs.items():
            if isinstance(wire, str):
                yield port, None, wire
            else:
                for place, each in enumerate(wire):
                    yield port, place, each

    def sources(self) -> Iterator[str]:
        """Yield the ids of the nodes wired into this one, once a wire."""
        for _port, _place, wire in self.wires():
            yield source_id(wire)


@dataclass(frozen=True, slots=True)
class Block:
    """A composite: its nodes, Inputs and Outputs among them as its ports, and the params it exposes.

    A param is {"type", "default", "doc"}; inside, {"param": name} stands for its value, {"expr": "4 * name"} for
    one that is computed from it.
    """

    params: Mapping[str, Json] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    canvas: Mapping[str, Json] = field(default_factory=dict)
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole project: nodes in creation order, blocks, data, training, sweep and canvas sections.

    Values reached through a Spec are never changed in place; `engine.edit` makes new ones.
    """

    name: str = "untitled"
    nodes: Mapping[str, Node] = field(default_factory=dict)
    blocks: Mapping[str, Block] = field(default_factory=dict)
    data: Mapping[str, Json] = field(default_factory=dict)
    training: Mapping[str, Json] = field(default_factory=dict)
    sweep: Mapping[str, Json] = field(default_factory=dict)
    canvas: Mapping[str, Json] = field(default_factory=dict)
    extra: Mapping[str, Json] = field(default_factory=dict)

    def with_nodes(self, nodes: Iterable[Node]) -> Spec:
        """Return this spec with other nodes."""
        return replace(self, nodes={node.id: node for node in nodes})


def jsonable(value: Json) -> Json:
    """Turn tuples into lists, so that a value reads the same before and after it was saved."""
    if isinstance(value, list | tuple):
        return [jsonable(each) for each in value]
    if isinstance(value, Mapping):
        return {name: jsonable(each) for name, each in value.items()}
    return value


def source_id(wire: Wire) -> str:
    """Return the node id of a wire: "lstm_0.h_n" -> "lstm_0"."""
    return wire.partition(".")[0]


def source_port(wire: Wire) -> str:
    """Return the output port a wire names, "" for the node's first."""
    return wire.partition(".")[2]


# Names of nn.Module's attributes: as ids they would break add_module. Torch is not imported here, so they are
# listed; a test compares the list with dir(nn.Module()).
MODULE_NAMES = frozenset(
    """add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval
    extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules
    mtia named_buffers named_children named_modules named_parameters parameters register_backward_hook
    register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook
    register_module register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu zero_grad""".split()
)


def refuse_id(node_id: str) -> str | None:
    """Say why a text cannot be a node's id, or None where it can."""
    if not ID.fullmatch(node_id):
        return "an id starts with a small letter and goes on with small letters, digits and _"
    if keyword.iskeyword(node_id) or node_id in MODULE_NAMES:
        return "this word is reserved by Python or PyTorch"
    return None


# ------------------------------------------------------------------------------------------------------- reading


def load(path: Path) -> Spec:
    """Read a project file.

    Raises Mistake, with the file named, where it cannot be read, is no JSON, is newer than this program, or does
    not have the form of a spec.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Mistake(f"{path} is larger than {LARGEST_FILE >> 20} MiB and is no project file.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Mistake(f"{path} does not exist.") from None
    except UnicodeDecodeError as error:
        raise Mistake(f"{path} is no text file (byte {error.start} is not UTF-8); is it a project file?") from None
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        return loads(text)
    except Mistake as mistake:
        raise Mistake(f"{path}: {mistake.message}", param=mistake.param) from None


def loads(text: str) -> Spec:
    """Read a spec from JSON text; raises Mistake as `load` does."""
    try:
        data = json.loads(text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_no_repeats)
        if "\\ud" in text.lower():
            json.dumps(data, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Mistake(f"The file is damaged or cut off: at {where}, {error.msg.lower()}.") from None
    except RecursionError:
        raise Mistake("The file is nested too deeply to be a project file.") from None
    except UnicodeEncodeError:
        raise Mistake("The file holds half a character (a lone surrogate); it cannot be written as text.") from None
    except ValueError as error:  # a number of more digits than Python reads
        raise Mistake(f"The file has a number that cannot be read: {error}.") from None
    return decode(data)


def _no_constant(name: str) -> Json:
    raise Mistake(f"The file holds {name}, which JSON does not have; a number must be finite.")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise Mistake(f"The file holds the number {digits}, which is too large.")
    return number


def _no_repeats(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Mistake(f"The key {twice!r} stands twice in one object; remove one of them.")
    return found


def decode(data: Json) -> Spec:
    """Build a Spec from parsed JSON; raises Mistake where it does not have the form of one."""
    data = migrate(_object(data, "the file"))
    extra = dict(data)
    del extra["format"]
    nodes = _nodes(extra.pop("nodes", []), "nodes")
    blocks = {block: decode_block(each, block) for block, each in _object(extra.pop("blocks", {}), '"blocks"').items()}
    name = extra.pop("name", "untitled")
    if not isinstance(name, str):
        raise Mistake('"name" must be text.', param="name")
    sections = {key: _object(extra.pop(key, {}), f'"{key}"') for key in ("data", "training", "sweep", "canvas")}
    return Spec(name=name, nodes=nodes, blocks=blocks, extra=extra, **sections)


def _nodes(listed: Json, where: str) -> dict[str, Node]:
    if not isinstance(listed, list):
        raise Mistake(f'"{where}" must be a list.', param="nodes")
    nodes: dict[str, Node] = {}
    for place, each in enumerate(listed):
        node = decode_node(each, f"{where}[{place}]")
        if node.id in nodes:
            raise Mistake(f"{where}[{place}] has the id {node.id!r}, which another node has already.", param="nodes")
        nodes[node.id] = node
    return nodes


def decode_block(data: Json, name: str) -> Block:
    """Build a Block from parsed JSON; `name` is told in the Mistake raised where it has not a block's form."""
    if not BLOCK_NAME.fullmatch(name):
        raise Mistake(f"The block {name!r} needs another name: letters, digits and _, a letter first.", param="blocks")
    extra = dict(_object(data, f"the block {name}"))
    params = _object(extra.pop("params", {}), f"the params of block {name}")
    for param, each in params.items():
        if not param.isidentifier() or keyword.iskeyword(param):
            raise Mistake(f"The param {param!r} of block {name} needs another name: letters, digits and _.")
        _object(each, f"the param {param} of block {name}")
    nodes = _nodes(extra.pop("nodes", []), f"blocks.{name}.nodes")
    return Block(params, nodes, _object(extra.pop("canvas", {}), f"the canvas of block {name}"), extra)


def decode_node(data: Json, where: str) -> Node:
    """Build a Node from parsed JSON; `where` names it in the Mistake raised where it has not a node's form."""
    extra = dict(_object(data, where))
    node_id, op = extra.pop("id", None), extra.pop("op", None)
    if not isinstance(node_id, str) or (words := refuse_id(node_id)):
        raise Mistake(f"{where} has the id {node_id!r}; {words if isinstance(node_id, str) else 'it must be text'}.")
    if not isinstance(op, str):
        raise Mistake(f'{where} ({node_id}) has no "op".')
    inputs = _object(extra.pop("inputs", {}), f'"inputs" of {node_id}')
    factor = extra.pop("factor", 1.0)
    if isinstance(factor, bool) or not isinstance(factor, int | float) or abs(factor) > 1e30:
        raise Mistake(f'"factor" of {node_id} must be a number.')
    decode_op = extra.pop("decode", None)
    use = {key: extra.pop(key) for key in ("block", "repeat", "share_weights") if op == BLOCK and key in extra}
    if not isinstance(use.get("block", ""), str) or not isinstance(use.get("share_weights", False), bool):
        raise Mistake(f'"block" of {node_id} must be text, "share_weights" true or false.')
    return Node(
        id=node_id,
        op=op,
        params=_object(extra.pop("params", {}), f'"params" of {node_id}'),
        inputs={port: _wires(wire, f"{node_id}.{port}") for port, wire in inputs.items() if wire is not None},
        factor=factor,
        decode=None if decode_op is None else _object(decode_op, f'"decode" of {node_id}'),
        weights=_object(extra.pop("weights", {}), f'"weights" of {node_id}'),
        extra=extra,
        **use,
    )


def _object(data: Json, what: str) -> dict[str, Json]:
    if not isinstance(data, dict):
        raise Mistake(f"{what[0].upper()}{what[1:]} must be a JSON object, not {_json_name(data)}.")
    return data


def _wires(wire: Json, where: str) -> Wire | tuple[Wire, ...]:
    if isinstance(wire, str):
        return wire
    if isinstance(wire, list) and all(isinstance(each, str) for each in wire):
        return tuple(wire)
    raise Mistake(f'The input {where} must be "node", "node.port" or a list of these, not {_json_name(wire)}.')


def _json_name(value: Json) -> str:
    names: dict[type, str] = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


# ------------------------------------------------------------------------------------------------------- writing


def encode(spec: Spec) -> dict[str, Json]:
    """Turn a spec into a JSON object, keys in the order of the format; few have a sweep, so none is written empty."""
    return {
        "format": FORMAT,
        "name": spec.name,
        "nodes": [encode_node(node) for node in spec.nodes.values()],
        "blocks": {name: encode_block(block) for name, block in spec.blocks.items()},
        "data": spec.data,
        "training": spec.training,
        **({"sweep": spec.sweep} if spec.sweep else {}),
        **spec.extra,
        "canvas": spec.canvas,
    }


def encode_block(block: Block) -> dict[str, Json]:
    """Turn a block into a JSON object."""
    nodes = [encode_node(node) for node in block.nodes.values()]
    return {"params": block.params, "nodes": nodes, **block.extra, "canvas": block.canvas}


def encode_node(node: Node) -> dict[str, Json]:
    """Turn a node into a JSON object; what is at its default is left out, params excepted."""
    data: dict[str, Json] = {"id": node.id, "op": node.op}
    if node.op == BLOCK:
        data["block"] = node.block
        if node.repeat != 1 or node.share_weights:
            data |= {"repeat": node.repeat, "share_weights": node.share_weights}
    if node.factor != 1.0:
        data["factor"] = node.factor
    if node.decode is not None:
        data["decode"] = node.decode
    data["params"] = node.params
    data["inputs"] = {port: wire if isinstance(wire, str) else list(wire) for port, wire in node.inputs.items()}
    if node.weights:
        data["weights"] = node.weights
    data.update(node.extra)
    return data


def dumps(spec: Spec) -> str:
    """Write a spec as JSON text whose lines make readable diffs: one line a param list, a node, a position."""
    return _layout(encode(spec)) + "\n"


def save(spec: Spec, path: Path) -> None:
    """Write a project file atomically: the old file stays whole until the new one is on the disk.

    Raises OSError where the disk is full or the folder cannot be written.
    """
    write_atomically(path, lambda stream: stream.write(dumps(spec).encode()))


def write_atomically(path: Path, write: Callable[[Any], object]) -> None:
    """Have `write` fill a temporary file beside `path`, then put it in its place; a link stays a link."""
    path = path.resolve()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PART)
    try:
        with os.fdopen(handle, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


LINE = 110


def _layout(value: Json, indent: str = "") -> str:
    """Write JSON with short containers on one line and long ones an item a line."""
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    deep = isinstance(value, dict) and indent == ""
    if not isinstance(value, dict | list) or not value or (len(indent) + len(flat) <= LINE and not deep):
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_layout(each, inner)}" for key, each in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    items = [inner + _layout(each, inner) for each in value]
    return "[\n" + ",\n".join(items) + f"\n{indent}]"
