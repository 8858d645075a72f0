"""Every op of the catalogue, at work: against PyTorch called directly, saved and loaded, exported, and misused."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine import edit
from engine import spec as specs
from engine.check import check
from engine.compile import Compiled, compile
from engine.declare import Op, Param, example_values
from engine.export.python_file import source
from engine.kinds import Bounds, Either, Float, Int, Size
from engine.ops import OPS
from engine.passes import AS_DRAWN
from engine.spec import Spec
from engine.train.checkpoint import load_weights, save_tensors
from tests.engine.catalogue.case import Case, flattened

HERE = Path(__file__).parent
CASES: list[Case] = [
    case
    for path in sorted(HERE.glob("cases_*.py"))
    for case in importlib.import_module(f"tests.engine.catalogue.{path.stem}").CASES
]
SEED = 5
BUILT = [name for name, op in OPS.items() if name not in ("Input", "Output")]  # these two build nothing
CALLED = [name for name in BUILT if OPS[name].output_ports()]


def seeded(work: Any) -> Any:
    """Do what may draw random numbers, from one seed."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        return work()


def outputs(compiled: Compiled, given: dict[str, Any]) -> list[Any]:
    """What a compiled case computes, in the order of its Outputs."""
    tensors = [tensor for port in given.values() for tensor in flattened(port)]
    feeds = [int(feed.node.removeprefix("input_")) - 1 for feed in compiled.feeds]
    return list(seeded(lambda: compiled.module(*(tensors[place] for place in feeds))).values())


def connected(case: Case) -> Spec:
    """The case's spec without Outputs of ports that give no tensor at these params."""
    spec = case.spec()
    gone = [problem.node for problem in check(spec).problems if "gives no tensor" in problem.message]
    return edit.remove(spec, [node for node in gone if node])


def test_every_op_has_a_case() -> None:
    assert set(CALLED) - {case.op for case in CASES} == set()


def test_every_op_param_and_port_is_documented() -> None:
    for name, op in OPS.items():
        assert op.doc().endswith("."), f"{name} has no sentence"
        assert name not in BUILT or op.example, f"{name} has no example"
        for param in op.params().values():
            assert param.doc.endswith("."), f"{name}.{param.name} has no sentence"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_op_works(case: Case, tmp_path: Path) -> None:
    """It computes what PyTorch computes, as checked; gradients flow; it is saved, loaded and exported unchanged."""
    spec = connected(case)
    computes_what_pytorch_called_directly_computes(case, spec)
    gradients_flow_through_it(case, spec)
    survives_being_saved_and_loaded(case, spec, tmp_path)
    exports_to_source_that_computes_the_same(case, spec)


def compiled_spec(spec: Spec, seed: int = SEED) -> Compiled:
    return compile(spec, only="inference", seed=seed, passes=AS_DRAWN)  # in training mode too


def computes_what_pytorch_called_directly_computes(case: Case, spec: Spec) -> None:
    compiled = compiled_spec(spec)
    given = case.given()
    by_hand, module = seeded(lambda: case.expected(given, SEED))
    ours = outputs(compiled, given)
    if module is not None:  # both have run once: running statistics are held against each other too
        names = compiled.module.state_dict()
        assert len(names) == len(module.state_dict())
        assert all(
            torch.equal(one, other) for one, other in zip(names.values(), module.state_dict().values(), strict=True)
        )
    by_hand = [each for each in by_hand if isinstance(each, Tensor)]
    assert len(ours) == len(by_hand)
    for one, other in zip(ours, by_hand, strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape
        torch.testing.assert_close(one, other, rtol=case.tolerance, atol=case.tolerance, equal_nan=True)
    is_checked_with_the_shapes_and_dtypes_that_come_out(case, spec, ours)


def is_checked_with_the_shapes_and_dtypes_that_come_out(case: Case, spec: Spec, computed: list[Any]) -> None:
    report = check(spec)
    assert report.problems == ()
    wires = [str(node.inputs["input"]) for node in spec.nodes.values() if node.op == "Output"]
    for wire, tensor in zip(wires, computed, strict=True):
        node, _, port = wire.partition(".")
        told = report.nodes[node].outputs[port or OPS[case.op].output_ports()[0]]
        assert told.dtype == str(tensor.dtype).removeprefix("torch.")
        assert len(told.shape) == tensor.ndim
        pairs = zip(told.shape, tensor.shape, strict=True)
        assert all(isinstance(size, str) or size == actual for size, actual in pairs)


def gradients_flow_through_it(case: Case, spec: Spec) -> None:
    compiled, given = compiled_spec(spec), case.given()
    leaves = [
        each
        for name, port in given.items()
        for each in flattened(port)
        if name not in case.constant and (each.is_floating_point() or each.is_complex())
    ]
    for leaf in leaves:
        leaf.requires_grad_(True)
    answers = [each for each in outputs(compiled, given) if each.requires_grad]
    assert bool(answers) == (case.differentiable and bool(leaves or list(compiled.module.parameters())))
    if answers:
        total = torch.stack([(each.abs() if each.is_complex() else each).double().sum() for each in answers]).sum()
        total.backward()  # type: ignore[no-untyped-call]  # torch left it out
        reached = [each.grad for each in [*leaves, *compiled.module.parameters()] if each.grad is not None]
        assert reached


def survives_being_saved_and_loaded(case: Case, spec: Spec, tmp_path: Path) -> None:
    specs.save(spec, tmp_path / "p.netloom")
    again = specs.load(tmp_path / "p.netloom")
    assert again == spec
    one, other = compiled_spec(spec, seed=1), compiled_spec(again, seed=2)
    save_tensors(tmp_path / "w.safetensors", one.module.state_dict())
    load_weights(other.module, tmp_path / "w.safetensors")
    given = case.given()
    for before, after in zip(outputs(one, given), outputs(other, given), strict=True):
        assert torch.equal(before, after) or torch.equal(before.isnan(), after.isnan())


def exports_to_source_that_computes_the_same(case: Case, spec: Spec) -> None:
    text = source(spec, "w.safetensors")
    imports = {line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imports <= {"json", "math", "pathlib", "torch"}
    space: dict[str, Any] = {"__name__": "exported"}
    exec(text, space)
    model: nn.Module = space["Model"]()
    compiled, given = compiled_spec(spec), case.given()
    model.load_state_dict(compiled.module.state_dict())
    tensors = [tensor for port in given.values() for tensor in flattened(port)]
    feeds = [int(feed.node.removeprefix("input_")) - 1 for feed in compiled.feeds]
    alone = list(seeded(lambda: model(*(tensors[place] for place in feeds))).values())
    for one, other in zip(alone, outputs(compiled, given), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


# ---------------------------------------------------------------------------------------------------- free sizes


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_free_batch_is_told_by_name_or_refused_with_a_sentence(case: Case) -> None:
    spec = case.spec()
    first = {
        node.params["shape"][0] if node.params["shape"] else None for node in spec.nodes.values() if node.op == "Input"
    }
    if len(first) != 1 or None in first:
        pytest.skip("the inputs share no batch axis")
    (batch,) = first
    for node in list(spec.nodes.values()):
        if node.op == "Input":
            spec = edit.set_param(spec, node.id, "shape", ["N", *node.params["shape"][1:]])
    report = check(spec)
    if report.problems:
        assert all(problem.message.endswith(".") and problem.node for problem in report.problems)
        return
    fixed = check(case.spec())
    for node_id, told in report.nodes.items():
        for port, tensor in told.outputs.items():
            sizes = [
                int(eval(size, {"N": batch})) if isinstance(size, str) and not size.startswith("K") else size
                for size in tensor.shape
            ]
            actual = fixed.nodes[node_id].outputs[port].shape
            assert all(one == two for one, two in zip(sizes, actual, strict=True) if not isinstance(one, str))


# -------------------------------------------------------------------------------------------------------- dtypes


FIRST_CASES = list({case.op: case for case in reversed(CASES)}.values())


@pytest.mark.parametrize("case", FIRST_CASES, ids=str)
def test_what_a_port_accepts_runs_on_the_cpu(case: Case) -> None:
    ports = OPS[case.op].input_ports()
    for dtype in sorted({dtype for port in case.texts() for dtype in ports[port].port.dtypes}):
        runs_on_the_cpu(case, dtype)


def runs_on_the_cpu(case: Case, dtype: str) -> None:
    """All ports that accept the dtype get it at once; the check may refuse the mixture with a sentence."""
    ports = OPS[case.op].input_ports()

    def cast(port: str, text: str) -> str:
        if dtype not in ports[port].port.dtypes:
            return text
        kind, _, rest = text.partition(" ")
        floats = kind.startswith(("float", "bfloat", "complex"))
        bounds = kind.partition(":")[2]
        if floats and dtype.startswith(("int", "uint")):
            bounds = "1..3"
        if dtype.startswith("complex") or dtype == "bool":
            bounds = ""
        return f"{dtype}{':' + bounds if bounds else ''} {rest}".strip()

    inputs = {
        port: cast(port, text) if isinstance(text, str) else [cast(port, each) for each in text]
        for port, text in case.texts().items()
    }
    other = Case(case.op, params=case.params, inputs={**case.inputs, **inputs})
    problems = [each for each in check(other.spec()).problems if "gives no tensor" not in each.message]
    if problems:
        assert problems[0].message.endswith(".") and "cannot take these inputs" not in problems[0].message
        return
    computed = outputs(compiled_spec(connected(other)), other.given())
    report = check(connected(other))
    told = [tensor.dtype for tensor in next(reversed([n for n in report.nodes.values() if n.outputs])).outputs.values()]
    assert [str(each.dtype).removeprefix("torch.") for each in computed] == told[: len(computed)]


# ----------------------------------------------------------------------------------------------------- bad input


def alone(name: str) -> Spec:
    """The op at its defaults on its example's inputs."""
    return Case(name).spec()


def node_of(spec: Spec, name: str) -> str:
    return next(node.id for node in spec.nodes.values() if node.op == name)


def bounded(param: Param) -> list[Bounds]:
    kinds = param.kind.kinds if isinstance(param.kind, Either) else (param.kind,)
    return [kind.bounds for kind in kinds if isinstance(kind, Int | Float | Size)]


@pytest.mark.parametrize("name", BUILT)
def test_an_op_at_its_defaults_has_no_problem(name: str) -> None:
    report = check(alone(name))
    own = [problem for problem in report.problems if "gives no tensor" not in problem.message]
    assert [problem for problem in own if problem.node] == []


@pytest.mark.parametrize("name", BUILT)
def test_a_param_past_its_bounds_is_named(name: str) -> None:
    spec = alone(name)
    node = node_of(spec, name)
    for param in OPS[name].params().values():
        for bounds in bounded(param):
            for limit, step in ((bounds.low, -1), (bounds.high, 1), (bounds.above, 0), (bounds.below, 0)):
                if limit is None:
                    continue
                wrong = edit.set_param(spec, node, param.name, limit + step)
                problems = [each for each in check(wrong).problems if each.node == node]
                assert [each.param for each in problems] == [param.name], param.name
                assert problems[0].fixes


@pytest.mark.parametrize("name", BUILT)
def test_a_param_at_its_bounds_works_or_is_refused_with_a_sentence(name: str) -> None:
    spec = alone(name)
    node = node_of(spec, name)
    for param in OPS[name].params().values():
        for bounds in bounded(param):
            for limit in (bounds.low, bounds.high):
                if limit is None or abs(limit) > 2**12:
                    continue
                changed = edit.set_param(spec, node, param.name, int(limit) if limit == int(limit) else limit)
                for problem in check(changed).problems:
                    assert problem.message.endswith("."), problem
                    assert problem.param is not None or problem.node is None
                    assert problem.node in (None, node) or "gives no tensor" in problem.message


@pytest.mark.parametrize("name", BUILT)
def test_a_param_of_another_kind_is_named(name: str) -> None:
    spec = alone(name)
    node = node_of(spec, name)
    for param in OPS[name].params().values():
        for value in ({"a": 1}, [[1], [2]], [True, None, "x"]):
            if param.refuse(value):
                problems = check(edit.set_param(spec, node, param.name, value)).problems
                assert param.name in [each.param for each in problems if each.node == node]


def rewired(name: str, port: str, change: Any) -> Spec:
    """The op's spec with the shape and dtype of what flows into one port changed."""
    spec = alone(name)
    wire = spec.nodes[node_of(spec, name)].inputs[port]
    source_id = wire if isinstance(wire, str) else wire[0]
    params = spec.nodes[source_id].params
    shape, dtype = change(list(params["shape"]), params["dtype"])
    return edit.take_shape(spec, source_id, shape, dtype)


def refused_kindly(spec: Spec, name: str) -> None:
    """Whatever flows in: no exception, and sentences that stand at the op and name a port or a param of it."""
    node = node_of(spec, name)
    op: type[Op] = OPS[name]
    for problem in check(spec).problems:
        assert problem.message.endswith(".")
        if problem.node == node:
            assert problem.param in {*op.input_ports(), *op.params()}


@pytest.mark.parametrize("name", BUILT)
def test_wrong_inputs_are_refused_with_a_sentence(name: str) -> None:
    for port in example_values(OPS[name]):
        a_wrong_rank_is_refused_with_a_sentence(name, port)
        a_dtype_that_a_port_does_not_accept_is_refused_by_name(name, port)
        a_missing_input_is_named(name, port)


def a_wrong_rank_is_refused_with_a_sentence(name: str, port: str) -> None:
    for change in (
        lambda shape, dtype: ([], dtype),
        lambda shape, dtype: ([*shape, 2], dtype),
        lambda shape, dtype: (shape[1:], dtype),
        lambda shape, dtype: ([2, 2, 2, 2, 2, 2, 2], dtype),
    ):
        refused_kindly(rewired(name, port, change), name)


def a_dtype_that_a_port_does_not_accept_is_refused_by_name(name: str, port: str) -> None:
    accepted = OPS[name].input_ports()[port].port.dtypes
    for dtype in ("float32", "int64", "bool", "float16", "complex64"):
        if dtype in accepted:
            continue
        spec = rewired(name, port, lambda shape, _dtype, dtype=dtype: (shape, dtype))
        problems = [each for each in check(spec).problems if each.node == node_of(spec, name)]
        assert [each.param for each in problems] == [port]
        assert dtype in problems[0].message and "Cast" in problems[0].message
        assert problems[0].fixes or isinstance(spec.nodes[problems[0].node or ""].inputs[port], tuple)


def a_missing_input_is_named(name: str, port: str) -> None:
    spec = alone(name)
    node = node_of(spec, name)
    spec = edit.disconnect(spec, node, port)
    named = [each.param for each in check(spec).problems if each.node == node]
    if not OPS[name].input_ports()[port].optional:
        assert named == [port]
