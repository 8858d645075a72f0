from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine import edit, migrate
from engine import spec as specs
from engine.examples import examples
from engine.problem import Mistake
from engine.spec import ID, MODULE_NAMES, Block, Node, Spec, dumps, encode, load, loads, refuse_id, save
from tests.builders import image_classifier

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=3)
IDS = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True).filter(lambda text: refuse_id(text) is None)
EXTRA = OBJECTS.map(lambda each: {f"x-{key}": value for key, value in each.items()})
NODES = st.builds(
    Node,
    id=IDS,
    op=TEXT,
    params=OBJECTS,
    inputs=st.dictionaries(TEXT, TEXT | st.lists(TEXT, max_size=3).map(tuple), max_size=3),
    factor=st.floats(-1e9, 1e9),
    decode=st.none() | OBJECTS,
    weights=OBJECTS,
    extra=EXTRA,
)
USES = st.builds(
    Node,
    id=IDS,
    op=st.just("Block"),
    block=TEXT,
    repeat=st.integers(0, 9) | st.just({"param": "depth"}),
    share_weights=st.booleans(),
)
GRAPHS = st.lists(NODES | USES, max_size=4, unique_by=lambda node: node.id).map(
    lambda nodes: {node.id: node for node in nodes}
)
BLOCKS = st.builds(
    Block,
    params=st.dictionaries(st.sampled_from(["width", "depth"]), OBJECTS, max_size=2),
    nodes=GRAPHS,
    canvas=OBJECTS,
    extra=EXTRA,
)
SPECS = st.builds(
    Spec,
    name=TEXT,
    nodes=GRAPHS,
    blocks=st.dictionaries(st.from_regex(r"[A-Z][a-z0-9_]{0,5}", fullmatch=True), BLOCKS, max_size=2),
    data=OBJECTS,
    training=OBJECTS,
    canvas=OBJECTS,
    extra=EXTRA,
)


def document(**changes: Any) -> str:
    return json.dumps({"format": 1, "nodes": [], **changes})


def node(**changes: Any) -> str:
    return document(nodes=[{"id": "a", "op": "ReLU", **changes}])


# ----------------------------------------------------------------------------------------------- there and back


@settings(max_examples=50, deadline=None)
@given(SPECS)
def test_what_is_written_reads_back_the_same(spec: Spec) -> None:
    assert loads(dumps(spec)) == spec


def test_a_file_is_written_and_read_back(tmp_path: Path) -> None:
    save(image_classifier(), tmp_path / "p.netloom")
    assert load(tmp_path / "p.netloom") == image_classifier()


@pytest.mark.parametrize("example", examples(), ids=lambda each: each.name)
def test_the_examples_are_written_as_they_are_stored(example: Any) -> None:
    assert dumps(load(example.path)) == example.path.read_text(encoding="utf-8")


def test_what_this_version_does_not_know_is_kept() -> None:
    text = document(nodes=[{"id": "a", "op": "FromTheFuture", "params": {"x": 1}, "glow": True}], colour="red")
    again = json.loads(dumps(loads(text)))
    assert again["colour"] == "red"
    assert again["nodes"][0]["op"] == "FromTheFuture"
    assert again["nodes"][0]["glow"] is True


def test_keys_stand_in_the_formats_order_and_nodes_in_the_order_they_were_made() -> None:
    data = encode(image_classifier())
    assert list(data) == ["format", "name", "nodes", "blocks", "data", "training", "canvas"]
    assert [each["id"] for each in data["nodes"]] == list(image_classifier().nodes)
    assert list(data["nodes"][2])[:3] == ["id", "op", "params"]


def test_one_changed_param_changes_one_line() -> None:
    before = dumps(image_classifier()).splitlines()
    after = dumps(edit.set_param(image_classifier(), "conv2d_1", "out_channels", 5)).splitlines()
    assert len(before) == len(after)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


# -------------------------------------------------------------------------------------------------------- refusing


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "damaged or cut off: at line 1, column 1"),
        ("{", "damaged or cut off"),
        ('{"format": 1, "nodes": [', "damaged or cut off"),
        ("[]", "The file must be a JSON object, not a list"),
        ("3", "must be a JSON object, not a number"),
        ("{}", 'no "format" number'),
        ('{"format": "1"}', 'no "format" number'),
        ('{"format": true}', 'no "format" number'),
        ('{"format": 0}', 'no "format" number'),
        ('{"format": 99}', "of format 99, and this Netloom reads up to 1; open it with a newer Netloom"),
        (document(nodes={}), '"nodes" must be a list'),
        (document(nodes=[3]), r"Nodes\[0\] must be a JSON object, not a number"),
        (document(nodes=[{"op": "ReLU"}]), "must be text"),
        (document(nodes=[{"id": "A", "op": "ReLU"}]), "starts with a small letter"),
        (document(nodes=[{"id": "class", "op": "ReLU"}]), "reserved"),
        (document(nodes=[{"id": "forward", "op": "ReLU"}]), "reserved"),
        (document(nodes=[{"id": "a", "op": "ReLU"}] * 2), "another node has already"),
        (document(nodes=[{"id": "a"}]), 'has no "op"'),
        (node(params=[]), '"params" of a must be a JSON object, not a list'),
        (node(inputs={"input": 3}), "a.input must be"),
        (node(inputs={"input": ["b", 3]}), "a.input must be"),
        (node(factor="2"), '"factor" of a must be a number'),
        (node(factor=True), '"factor" of a must be a number'),
        (node(decode="Argmax"), '"decode" of a must be a JSON object, not text'),
        (document(blocks={"1st": {}}), "The block '1st' needs another name"),
        (document(blocks={"A": []}), "The block A must be a JSON object, not a list"),
        (document(blocks={"A": {"nodes": {}}}), "blocks.A.nodes"),
        (document(blocks={"A": {"params": {"class": {}}}}), "The param 'class' of block A needs another name"),
        (document(blocks={"A": {"params": {"width": 3}}}), "The param width of block A must be a JSON object"),
        (document(nodes=[{"id": "a", "op": "Block", "block": 3}]), '"block" of a must be text'),
        (document(name=3), '"name" must be text'),
        (document(training=None), '"training" must be a JSON object, not null'),
        ('{"format": 1, "x": NaN}', "NaN, which JSON does not have"),
        ('{"format": 1, "x": 1e999}', "1e999, which is too large"),
        ('{"format": 1, "x": 1, "x": 2}', "'x' stands twice"),
        ('{"format": 1, "x": ' + "9" * 5000 + "}", "number that cannot be read"),
        ("[" * 100_000, "nested too deeply"),
        ('{"format": 1, "name": "\\ud800"}', "half a character"),
    ],
)  # fmt: skip
def test_what_is_no_spec_is_refused_with_a_sentence(text: str, words: str) -> None:
    with pytest.raises(Mistake, match=words) as refused:
        loads(text)
    assert refused.value.message.endswith(".")


@pytest.mark.parametrize("length", range(0, 1900, 95))
def test_a_file_that_was_cut_off_is_refused(length: int) -> None:
    text = dumps(image_classifier())
    with pytest.raises(Mistake, match="damaged or cut off"):
        loads(text[:length])


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Mistake, match=r"gone\.netloom does not exist"):
        load(tmp_path / "gone.netloom")
    with pytest.raises(Mistake, match=f"{tmp_path} cannot be read"):
        load(tmp_path)
    (tmp_path / "p.netloom").write_bytes(b'{"format": 1, "name": "\xff"}')
    with pytest.raises(Mistake, match="no text file"):
        load(tmp_path / "p.netloom")
    (tmp_path / "p.netloom").write_text("{")
    with pytest.raises(Mistake, match=r"p\.netloom: The file is damaged"):
        load(tmp_path / "p.netloom")
    monkeypatch.setattr(specs, "LARGEST_FILE", 1000)
    (tmp_path / "p.netloom").write_text(" " * 1001)
    with pytest.raises(Mistake, match="larger than"):
        load(tmp_path / "p.netloom")


def test_ids_that_pytorch_takes_for_itself_are_reserved() -> None:
    names = {name for name in dir(nn.Module()) if ID.fullmatch(name)}
    assert names <= MODULE_NAMES
    assert all(refuse_id(name) for name in names)


# -------------------------------------------------------------------------------------------------------- migrating


def test_an_older_file_is_brought_up_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [lambda data: {**data, "name": data.pop("title")}, lambda data: {**data, "name": data["name"].upper()}]
    monkeypatch.setattr(migrate, "STEPS", steps)
    monkeypatch.setattr(migrate, "FORMAT", 3)
    assert loads('{"format": 1, "title": "cats"}').name == "CATS"
    assert loads('{"format": 2, "name": "cats"}').name == "CATS"
    assert loads('{"format": 3, "name": "cats"}').name == "cats"


def test_there_is_a_step_for_every_older_format() -> None:
    assert len(migrate.STEPS) == migrate.FORMAT - 1


# -------------------------------------------------------------------------------------------------------- writing


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.netloom"
    save(image_classifier(), path)
    before = path.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(specs.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(Spec(name="other"), path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["p.netloom"]


def test_a_files_mode_is_kept_and_a_new_one_follows_the_umask(tmp_path: Path) -> None:
    save(Spec(), tmp_path / "new.netloom")
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "new.netloom").stat().st_mode & 0o777 == 0o666 & ~mask
    (tmp_path / "new.netloom").chmod(0o640)
    save(Spec(name="again"), tmp_path / "new.netloom")
    assert (tmp_path / "new.netloom").stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    save(Spec(), tmp_path / "real" / "p.netloom")
    (tmp_path / "p.netloom").symlink_to(tmp_path / "real" / "p.netloom")
    save(Spec(name="again"), tmp_path / "p.netloom")
    assert (tmp_path / "p.netloom").is_symlink()
    assert load(tmp_path / "real" / "p.netloom").name == "again"
