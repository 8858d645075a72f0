from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine import block_edits, edit, fixes, trust
from engine.check import Checker, check
from engine.cli import main
from engine.compile import compile
from engine.export import export
from engine.problem import Fix, Mistake
from engine.python_code import hash_of
from engine.python_node import UNTRUSTED
from engine.spec import dumps, load, loads, save
from engine.train.folder import Run
from engine.train.loop import train
from tests.builders import chain
from tests.engine.python_nodes import leaving_a_mark, trusted, with_code

CODE = "def forward(x):\n    return x + 1\n"


def test_trust_is_of_a_text_to_the_letter() -> None:
    assert not trust.is_trusted(CODE)
    trust.trust(CODE)
    assert trust.is_trusted(CODE)
    for other in (CODE + " ", CODE.replace("1", "2"), CODE.replace("\n", "\r\n"), ""):
        assert not trust.is_trusted(other)
    trust.forget(CODE)
    assert not trust.is_trusted(CODE)


def test_the_file_holds_hashes_alone_and_lies_outside_of_projects() -> None:
    trust.trust(CODE)
    text = trust.trust_file().read_text()
    assert "forward" not in text
    assert hash_of(CODE) in text


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"trusted": 3}', '{"trusted": [1, null]}', "\x00\xff", "[" * 10**5])
def test_a_damaged_file_trusts_nothing_and_is_written_anew(damage: str) -> None:
    trust.trust(CODE)
    trust.trust_file().write_bytes(damage.encode("latin-1"))
    assert not trust.is_trusted(CODE)
    trust.trust(CODE)
    assert trust.is_trusted(CODE)


def test_many_may_trust_at_once() -> None:
    codes = [f"def forward(x):\n    return x + {number}\n" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(trust.trust, codes))
    assert all(map(trust.is_trusted, codes))


def test_nothing_runs_before_the_code_is_trusted(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    spec = with_code(leaving_a_mark(mark))
    save(spec, tmp_path / "p.netloom")
    assert load(tmp_path / "p.netloom") == loads(dumps(spec)) == spec
    (problem,) = check(spec).problems
    assert (problem.node, problem.param, problem.message) == ("python_1", "code", UNTRUSTED)
    assert "python_1" not in check(spec).nodes
    for only in ("training", "inference"):
        with pytest.raises(Mistake, match="not trusted"):
            compile(spec, only=only)  # type: ignore[arg-type]
    (failed,) = train(spec, tmp_path, Run(tmp_path / "run"))
    assert "not trusted" in failed.message  # type: ignore[union-attr]
    for format in ("spec", "svg"):
        export(spec, format, tmp_path / f"out.{format}")
    with pytest.raises(Mistake, match="not trusted"):
        export(spec, "python", tmp_path / "out.py")
    assert not mark.exists()


def test_a_file_made_by_somebody_else_cannot_vouch_for_itself(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = leaving_a_mark(mark)
    text = dumps(with_code(code)).replace('"code":', f'"trusted": ["{hash_of(code)}"], "code":')
    spec = loads(text.replace('"name": "untitled"', f'"name": "x", "trusted": ["{hash_of(code)}"]'))
    assert spec.extra["trusted"] and spec.nodes["python_1"].params["trusted"]
    assert check(spec).problems
    spec = edit.reset_param(spec, "python_1", "trusted")
    assert [problem.message for problem in check(spec).problems] == [UNTRUSTED]
    with pytest.raises(Mistake, match="not trusted"):
        compile(spec, only="inference")
    assert not mark.exists()


def test_one_letter_changed_makes_it_untrusted_again(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    spec = trusted(CODE)
    checker = Checker()
    assert checker.check(spec).problems == ()
    (problem,) = checker.check(with_code(CODE.replace("+ 1", "+ 2") + f"open({str(mark)!r}, 'w')\n")).problems
    assert problem.message == UNTRUSTED
    trust.forget(CODE)
    assert [each.message for each in checker.check(spec).problems] == [UNTRUSTED]
    assert not mark.exists()


def test_the_fix_is_an_action_that_trusts_the_text_the_check_has_seen() -> None:
    spec, checker = with_code(CODE), Checker()
    (fix,) = checker.check(spec).problems[0].fixes
    assert fixes.is_action(fix)
    assert fix == Fix("Trust this code", "trust_code", {"node": "python_1", "code": CODE})
    with pytest.raises(Mistake, match="changes nothing in the project"):
        fixes.apply(spec, fix)
    assert not trust.is_trusted(CODE)
    fixes.act(fix)
    assert checker.check(spec).problems == ()
    for other in (Fix("?", "set_param", {}), Fix("?", "trust_code", {}), Fix("?", "shout", {"code": CODE})):
        with pytest.raises(Mistake, match="cannot do"):
            fixes.act(other)


def test_shapes_behind_an_untrusted_node_stay_unknown_without_more_problems() -> None:
    spec = with_code(CODE)
    report = check(spec)
    assert list(report.nodes) == ["input_1"]
    assert [problem.node for problem in report.problems] == ["python_1"]


def test_nodes_in_blocks_are_trusted_alike(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    spec = with_code(leaving_a_mark(mark))
    spec = block_edits.group(spec, ["python_1"], "Own")
    spec = block_edits.set_repeat(spec, "own_1", 3)
    (problem,) = check(spec).problems
    assert problem.node == "own_1/0/python_1"
    assert not mark.exists()
    assert trust.codes_in(spec) == [leaving_a_mark(mark)]
    fixes.act(problem.fixes[0])
    assert check(spec).problems == ()
    assert mark.exists()


def test_the_command_line_trusts_on_demand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark, path = tmp_path / "mark", tmp_path / "p.netloom"
    save(with_code(leaving_a_mark(mark)), path)
    assert main(["check", str(path)]) == 2
    assert "not trusted" in capsys.readouterr().err
    assert main(["export", str(path), "--format", "python", "--output", str(tmp_path / "p.py")]) == 2
    assert not mark.exists()
    assert main(["check", str(path), "--trust"]) == 0
    assert mark.exists()
    assert main(["export", str(path), "--format", "python", "--output", str(tmp_path / "p.py")]) == 0


def test_another_process_of_the_user_trusts_the_same(tmp_path: Path) -> None:
    trust.trust(CODE)
    script = f"from engine import trust; print(trust.is_trusted({CODE!r}), trust.is_trusted('x'))"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["True", "False"]


def test_a_new_node_holds_code_of_ours() -> None:
    spec = chain("Python", "ReLU")
    spec = edit.add(spec, "Output", inputs={"input": "relu_1"})
    assert check(spec).problems == ()
