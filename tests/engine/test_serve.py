from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import edit
from engine.progress import Headway, watcher
from engine.serve import COUNTED_AT_ONCE, Server
from engine.spec import Spec, encode
from tests.builders import chain, image_classifier


def answers(*requests: Any) -> list[dict[str, Any]]:
    lines = "".join(json.dumps(each) + "\n" if not isinstance(each, str) else each + "\n" for each in requests)
    replies = io.StringIO()
    Server(io.StringIO(lines), replies).run()
    return [json.loads(line) for line in replies.getvalue().splitlines()]


def test_a_check_is_answered_with_its_report() -> None:
    ready, reply = answers({"id": 4, "do": "check", "spec": encode(image_classifier())})
    assert ready["ready"] is True
    assert reply["id"] == 4
    assert reply["report"]["problems"] == []


def test_a_check_counts_what_the_graph_passes_leave() -> None:
    spec = edit.add(image_classifier(), "ReLU", inputs={"input": "conv2d_1"})
    _ready, reply = answers({"id": 1, "do": "check", "spec": encode(spec)})
    assert reply["report"]["optimised"] == {"purpose": "training", "before": 9, "after": 8}
    broken = edit.set_param(spec, "conv2d_1", "out_channels", 0)
    _ready, reply = answers({"id": 1, "do": "check", "spec": encode(broken)})
    assert reply["report"]["optimised"] is None


def test_in_a_large_graph_the_passes_are_counted_when_asked_for() -> None:
    spec = encode(chain(*["ReLU", "Tanh"] * COUNTED_AT_ONCE, "Linear", "Output"))
    _ready, check, passes, training, unknown = answers(
        {"id": 1, "do": "check", "spec": spec},
        {"id": 2, "do": "passes", "spec": spec},
        {"id": 3, "do": "passes", "spec": spec, "only": "training"},
        {"id": 4, "do": "passes", "spec": spec, "only": "sleep"},
    )
    assert check["report"]["optimised"] is None
    assert passes["optimised"] == {"purpose": "inference", "before": 202, "after": 202}
    assert passes["passes"][0] == {"name": "dead code", "note": "", "before": 202, "after": 202}
    assert "no loss" in training["error"]
    assert "'sleep'" in unknown["error"]
    _ready, reply = answers({"id": 4, "do": "passes", "spec": encode(chain("Linear", dtype="int64"))})
    assert "problems" in reply["error"]


def test_a_newer_check_replaces_the_ones_before_it() -> None:
    requests = [{"id": place, "do": "check", "spec": encode(image_classifier())} for place in range(5)]
    _ready, *replies = answers(*requests)
    assert [reply["id"] for reply in replies] == [0, 1, 2, 3, 4]
    assert "report" in replies[-1]


def test_a_request_that_cannot_be_done_is_answered_with_a_sentence() -> None:
    _ready, *replies = answers({"id": 1, "do": "dance"}, "no json", {"id": 2, "do": "check", "spec": {"format": 99}})
    assert all(reply["error"].endswith(".") for reply in replies)
    assert "newer Netloom" in replies[2]["error"]


def test_the_process_keeps_stdout_for_replies_and_ends_with_its_stdin() -> None:
    request = json.dumps({"id": 1, "do": "devices"}) + "\n"
    done = subprocess.run(
        [sys.executable, "-m", "engine", "serve"],
        input=request,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    ready, reply = map(json.loads, done.stdout.splitlines())
    assert ready["ready"] is True
    assert reply["devices"][0]["name"] == "cpu"


def test_a_check_looks_at_the_files_of_the_projects_folder(tmp_path: Path) -> None:
    spec = edit.set_init(
        image_classifier(),
        "linear_1",
        "weight",
        {"op": "FromFile", "params": {"path": "gone.safetensors", "name": "w"}},
    )
    request = {"id": 1, "do": "check", "spec": encode(spec)}
    _ready, without, beside = answers(request, {**request, "folder": str(tmp_path)})
    assert without.get("stale") or without["report"]["problems"] == []
    assert "does not exist" in beside["report"]["problems"][0]["message"]


def test_the_curve_of_a_schedule_is_answered_in_points() -> None:
    request = {"do": "curve", "schedule": {"op": "StepLR", "params": {"step_size": 1}}, "lr": 1.0}
    _ready, *replies = answers(
        {"id": 1, **request, "steps_per_epoch": 10, "epochs": 3},
        {"id": 2, **request, "schedule": {"op": "StepLRR"}, "steps_per_epoch": 10, "epochs": 3},
    )
    assert replies[0]["curve"] == [[0, 1.0], [1, 0.1], [2, pytest.approx(0.01)]]
    assert "did you mean 'StepLR'" in replies[1]["error"]


def test_samples_are_browsed_looked_at_and_traced() -> None:
    spec = encode(edit.set_source(Spec(), "Digits"))
    base = {"spec": spec, "folder": "."}
    _ready, page, closely, steps, counted, wrong = answers(
        {"id": 1, "do": "browse", **base, "part": "test", "class": "3", "start": 0, "count": 4},
        {"id": 2, "do": "look", **base, "index": 7},
        {"id": 3, "do": "trace", **base, "column": "image", "place": 0, "epoch": None},
        {"id": 4, "do": "distributions", **base},
        {"id": 5, "do": "sound", **base, "column": "image", "index": 0},
    )
    assert [sample["values"]["label"] for sample in page["samples"]] == ["3"] * 4
    assert closely["samples"][0]["index"] == 7
    assert [stage["op"] for stage in steps["stages"]] == [""]
    assert sum(counted["columns"]["label"]["parts"]["train"]) == counted["counts"]["train"]
    assert wrong["error"] == "image holds no sounds."


def test_a_page_holds_tokens_where_they_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("said,kind\n" + "".join(f"Good day {i},{'ab'[i % 2]}\n" for i in range(30)))
    spec = edit.set_source(Spec(), "Table", {"path": "t.csv", "target": "kind", "texts": ["said"]})
    request = {"do": "browse", "spec": encode(spec), "folder": str(tmp_path), "part": "", "class": ""}
    plain = {**request, "id": 1, "start": 0, "count": 1}
    _ready, without, beside = answers(plain, {**plain, "id": 2, "tokens": True})
    assert "tokens" not in without["samples"][0]
    assert beside["samples"][0]["tokens"]["said"][:2] == ["good", "day"]


def test_work_that_takes_a_while_tells_how_far_it_has_come_before_its_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(_path: Path) -> list[Any]:
        watcher()(Headway("Downloading a/b", 1, 2, "bytes"))
        return []

    monkeypatch.setattr("engine.data.guess.guess", work)
    _ready, told, reply = answers({"id": 7, "do": "guess", "path": "hub:a/b"})
    assert told == {"id": 7, "progress": {"what": "Downloading a/b", "done": 1, "total": 2, "unit": "bytes"}}
    assert reply == {"id": 7, "guesses": []}


def test_what_matters_in_a_sweep_is_told_or_why_it_is_not_known(tmp_path: Path) -> None:
    _ready, reply = answers({"id": 1, "do": "importance", "journal": str(tmp_path / "study.jsonl")})
    assert reply == {"id": 1, "error": "There are no trials yet."}
