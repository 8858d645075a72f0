from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import cli, edit
from engine.cli import main
from engine.cli.overrides import overridden
from engine.examples import examples
from engine.ops import OPS
from engine.problem import Mistake
from engine.spec import load, save
from engine.train.commands import Command
from engine.train.folder import Run
from tests.builders import image_classifier
from tests.engine.train.making import state_of

ROOT = Path(__file__).parents[2]
Trained = tuple[Path, Path, list[dict[str, Any]]]  # a project, its run, and the events that training it printed


@pytest.fixture(autouse=True)
def our_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the priority and the signals of the process that runs the tests alone."""
    monkeypatch.setattr("engine.cli.running._make_room", lambda *, watched: None)
    monkeypatch.setattr("engine.cli.running._stop_on_signals", lambda run: None)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train the iris example with --json."""
    folder, said = tmp_path_factory.mktemp("trained"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr("engine.cli.running._make_room", lambda *, watched: None)
        patch.setattr("engine.cli.running._stop_on_signals", lambda run: None)
        assert main(["new", "iris", str(folder / "p.netloom")]) == 0
        arguments = ["--run", str(folder / "runs" / "r"), "--epochs", "30", "--json"]
        assert main(["train", str(folder / "p.netloom"), *arguments]) == 0
    _line, *events = said.getvalue().splitlines()
    return folder / "p.netloom", folder / "runs" / "r", [json.loads(each) for each in events]


def project(folder: Path, *changes: str) -> str:
    """The iris example in a file of the test's own, with values overridden."""
    path = folder / "p.netloom"
    spec = load(next(each.path for each in examples() if each.name == "iris"))
    for change in changes:
        spec = overridden(spec, change)
    save(spec, path)
    return str(path)


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    """What was printed, as the JSON that it must be."""
    return json.loads(capsys.readouterr().out)


# ----------------------------------------------------------------------------------------------------- projects


def test_a_template_is_written_as_a_project_and_an_existing_file_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "digits.netloom"
    assert main(["new", "digits_cnn", str(path)]) == 0
    assert load(path) == load(next(each.path for each in examples() if each.name == "digits_cnn"))
    assert "digits.netloom: Reads handwritten digits" in capsys.readouterr().out
    assert main(["new", "iris", str(path)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert load(path).name == "digits_cnn"
    assert main(["new", "digit_cnn", str(tmp_path / "b.netloom")]) == 2
    assert "did you mean 'digits_cnn'" in capsys.readouterr().err


def test_a_check_in_json_keeps_its_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(image_classifier(), tmp_path / "p.netloom")
    assert main(["check", str(tmp_path / "p.netloom"), "--json"]) == 0
    report = answer(capsys)
    assert {"problems", "parameters", "macs", "nodes"} <= set(report)
    assert (report["problems"], report["parameters"]) == ([], 2610)
    conv = report["nodes"]["conv2d_1"]
    assert conv["outputs"] == {"output": {"shape": ["N", 4, 8, 8], "dtype": "float32"}}
    assert conv["parameters"] == 40


def test_a_check_in_words_lists_nodes_and_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(image_classifier(), tmp_path / "p.netloom")
    assert main(["check", str(tmp_path / "p.netloom")]) == 0
    said = capsys.readouterr()
    assert "N × 4 × 8 × 8 float32" in said.out
    assert "9 nodes, 2,610 parameters" in said.out
    assert said.err == ""
    assert main(["check", str(tmp_path / "p.netloom"), "--set", "nodes.conv2d_1.params.out_channels=0"]) == 2
    assert "conv2d_1.out_channels: out_channels is 0; it must be at least 1." in capsys.readouterr().err
    assert load(tmp_path / "p.netloom") == image_classifier()


def test_problems_in_json_name_node_and_param(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(edit.set_param(image_classifier(), "conv2d_1", "stride", 0), tmp_path / "p.netloom")
    assert main(["check", str(tmp_path / "p.netloom"), "--json"]) == 2
    (problem,) = answer(capsys)["problems"]
    assert (problem["node"], problem["param"]) == ("conv2d_1", "stride")
    assert "must be at least 1" in problem["message"]
    assert {"text", "edit", "arguments"} == set(problem["fixes"][0])


@pytest.mark.parametrize(
    ("verb", "content", "words"),
    [
        ("check", None, "does not exist"),
        ("train", None, "does not exist"),
        ("data", '{"format": 1', "damaged or cut off"),
        ("check", '{"format": 99}', "open it with a newer Netloom"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, content: str | None, words: str
) -> None:
    path = tmp_path / "p.netloom"
    if content is not None:
        path.write_text(content)
    assert main([verb, str(path)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"netloom: {path}")
    assert words in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_data_in_json_keeps_its_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", project(tmp_path), "--json"]) == 0
    report = answer(capsys)
    assert {"source", "columns", "splits"} <= set(report)
    assert report["source"]["kind"] == "Iris"
    assert report["columns"]["label"]["classes"] == ["setosa", "versicolor", "virginica"]
    assert sum(report["splits"].values()) == 150
    assert main(["data", project(tmp_path)]) == 0
    assert "3 classes" in capsys.readouterr().out


def test_data_is_timed_stage_by_stage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.data.timing.measure.__defaults__", (0.05,))
    assert main(["data", project(tmp_path), "--bench"]) == 0
    assert "samples/s" in capsys.readouterr().out
    assert main(["data", project(tmp_path), "--bench", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["samples_per_second"] > 0


def test_data_that_is_missing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = '{"kind": "Table", "params": {"path": "gone.csv"}}'
    assert main(["data", project(tmp_path), "--set", f"data.source={source}"]) == 2
    assert "gone.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.epochs", "write PATH=VALUE"),
        ("epochs=3", "must start with data., training. or sweep."),
        ("nodes.linear_9.params.bias=false", "did you mean 'linear_"),
        ("nodes.linear_1.op=Relu", "did you mean 'ReLU'"),
        ("training.optimizers.7.op=SGD", "no place 7"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused(override: str, words: str) -> None:
    spec = load(next(each.path for each in examples() if each.name == "iris"))
    with pytest.raises(Mistake, match=words):
        overridden(spec, override)


def test_any_value_can_be_overridden_by_its_path() -> None:
    spec = load(next(each.path for each in examples() if each.name == "iris"))
    loss = next(node.id for node in spec.nodes.values() if node.op == "CrossEntropyLoss")
    for change in ("training.epochs=7", "training.device=cpu", "data.source.kind=Wine",
                   "nodes.linear_1.params.out_features=5", f"nodes.{loss}.factor=0.5"):  # fmt: skip
        spec = overridden(spec, change)
    assert spec.training["epochs"] == 7
    assert spec.training["device"] == "cpu"
    assert spec.data["source"]["kind"] == "Wine"
    assert spec.nodes["linear_1"].params["out_features"] == 5
    assert spec.nodes[loss].factor == 0.5


# --------------------------------------------------------------------------------------------------------- runs


def test_training_in_json_tells_an_event_a_line_and_the_run_last(
    trained: Trained,
) -> None:
    _project, run, events = trained
    epochs = [each for each in events if each["event"] == "epoch"]
    assert events[0]["event"] == "started"
    assert [each["epoch"] for each in epochs] == list(range(1, 31))
    assert {"loss", "accuracy"} <= set(epochs[0]["train"])
    assert {"loss", "accuracy"} <= set(epochs[0]["validation"])
    assert (events[-1]["event"], events[-1]["run"]) == ("finished", str(run))
    assert 0 <= events[-1]["test"]["accuracy"] <= 1


def test_training_in_words_tells_an_epoch_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", project(tmp_path), "--run", str(tmp_path / "r"), "--epochs", "2"]) == 0
    said = capsys.readouterr().out
    assert "epoch 1/2  loss" in said
    assert "epoch 2/2  loss" in said
    assert f"Run: {tmp_path / 'r'}" in said


def test_a_run_without_a_folder_gets_one_beside_the_user(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["train", path, "--epochs", "1"]) == 0
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.startswith("p-")
    assert main(["runs"]) == 0
    assert "finished" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        (("training.epochs=0",), 2, "training.epochs: epochs is 0; it must be at least 1."),
        (("nodes.linear_1.params.out_features=0",), 2, "linear_1.out_features"),
        (("training.optimizers.0.op=SGD", "training.optimizers.0.params={\"lr\": 1e38}"), 1, "The loss became NaN"),
    ],
)  # fmt: skip
def test_training_that_fails_says_where_and_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: tuple[str, ...], status: int, words: str
) -> None:
    assert main(["train", project(tmp_path, *changes), "--run", str(tmp_path / "r"), "--json"]) == status
    said = capsys.readouterr()
    assert json.loads(said.out.splitlines()[-1])["event"] == "failed"
    assert words in said.err


def test_a_run_is_stopped_and_resumed_and_never_trained_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path / "r")
    run.path.mkdir()
    run.tell(Command("stop"))
    command = ["train", project(tmp_path), "--run", str(run.path), "--epochs", "3"]
    assert main(command) == 0
    assert f"go on with: netloom resume {run.path}" in capsys.readouterr().out
    assert main(command) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert main(["resume", str(run.path), "--json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["event"], last["epochs"]) == ("finished", 3)
    assert main(["resume", str(tmp_path / "nowhere")]) == 2
    assert "is no run folder" in capsys.readouterr().err


def test_a_run_is_evaluated_on_any_split(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    _project, run, events = trained
    assert main(["evaluate", str(run), "--json"]) == 0
    measured = answer(capsys)
    assert measured["split"] == "test"
    assert measured["metrics"] == pytest.approx(events[-1]["test"])
    assert main(["evaluate", str(run), "--split", "validation"]) == 0
    assert capsys.readouterr().out.startswith("validation: loss ")


def test_a_run_predicts_an_object_a_sample(
    trained: Trained,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _project, run, _events = trained
    flowers = [{"features": [5.1, 3.5, 1.4, 0.2]}, {"features": [6.3, 3.3, 6.0, 2.5]}]
    lines = "\n".join(map(json.dumps, flowers))
    assert main(["predict", str(run), json.dumps(flowers[0]), "--json"]) == 0
    (first,) = capsys.readouterr().out.splitlines()
    (name,) = json.loads(first)
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    assert main(["predict", str(run), "-", "--json"]) == 0
    both = [json.loads(line)[name] for line in capsys.readouterr().out.splitlines()]
    assert len(both) == 2
    assert both[0] == json.loads(first)[name]
    for bad, words in (
        (json.dumps({"petals": 3}), "features"),
        ('{"features": [1,', "is no JSON"),
        ("gone.csv", "gone.csv"),
    ):
        assert main(["predict", str(run), bad]) == 2
        assert words in capsys.readouterr().err


def test_runs_are_listed_with_how_they_did(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _project, run, _events = trained
    assert main(["runs", str(run.parent), "--json"]) == 0
    (row,) = answer(capsys)
    assert (row["run"], row["state"], row["epoch"]) == (str(run), "finished", 30)
    assert "accuracy" in row["best"]
    assert main(["runs", str(tmp_path)]) == 0
    assert "There are no runs" in capsys.readouterr().out


def test_runs_tell_what_they_were_trained_on_and_how_long(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    _project, run, _events = trained
    assert main(["runs", str(run.parent), "--json"]) == 0
    (row,) = answer(capsys)
    assert (row["name"], row["graph"], row["data"], row["device"]) == ("r", "iris", "Iris", "cpu")
    assert (row["metric"], row["epochs"], row["tags"], row["notes"]) == ("accuracy", 30, [], "")
    assert row["test"].keys() == row["best"].keys()
    assert row["seconds"] > 0


def test_a_run_is_trained_again_from_its_folder_alone_with_the_same_numbers(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _project, run, events = trained
    monkeypatch.chdir(tmp_path)
    assert main(["train", str(run), "--run", str(tmp_path / "again"), "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    both = [[json.loads(line) for line in said.out.splitlines()], events]
    scores = [[(each["train"], each["validation"]) for each in told if each["event"] == "epoch"] for told in both]
    assert scores[0] == scores[1]
    weights = [(folder / "weights.safetensors").read_bytes() for folder in (tmp_path / "again", run)]
    assert weights[0] == weights[1]


def test_what_has_changed_since_is_said_before_a_run_is_trained_again(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _project, run, _events = trained
    copied = Run(tmp_path / "runs" / "copied")
    shutil.copytree(run, copied.path)
    copied.write_json("environment.json", {**copied.environment(), "torch": "1.0"})
    assert main(["train", str(copied.path), "--epochs", "1"]) == 0
    assert "PyTorch was 1.0" in capsys.readouterr().err
    assert len(list(copied.path.parent.iterdir())) == 2  # beside the run that it repeats


def test_runs_are_compared(trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, run, _events = trained
    assert main(["train", str(path), "--epochs", "1", "--run", str(tmp_path / "short")]) == 0
    capsys.readouterr()
    assert main(["compare", str(run), str(tmp_path / "short"), "--json"]) == 0
    found = answer(capsys)
    assert found["runs"] == ["r", "short"]
    assert {"group": "Training", "name": "training.epochs", "values": ["30", "1"], "best": []} in found["rows"]
    for form, words in (([], "training.epochs"), (["--csv"], "Training,training.epochs,30,1"),
                        (["--markdown"], "| training.epochs | 30 | 1 |"), (["--all"], "training.seed")):  # fmt: skip
        assert main(["compare", str(run), str(tmp_path / "short"), *form]) == 0
        assert words in capsys.readouterr().out


@pytest.mark.parametrize("paths", [["gone"], ["."]])
def test_what_is_no_run_is_not_compared(
    paths: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *paths]) == 2
    assert "is no run folder" in capsys.readouterr().err


def test_projects_are_queued_listed_removed_and_trained(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(trained[0], tmp_path / "p.netloom")
    assert main(["queue"]) == 0
    assert capsys.readouterr().out == "Nothing waits in the queue.\n"
    path = str(tmp_path / "p.netloom")
    assert main(["queue", "add", path, path, "--set", "training.epochs=1", "--json"]) == 0
    assert [each["name"] for each in answer(capsys)["entries"]] == ["p", "p"]
    assert main(["queue", "remove", "2"]) == 0
    assert "netloom queue start" in capsys.readouterr().out
    assert main(["queue", "pause"]) == 0
    assert "The queue is paused." in capsys.readouterr().out
    for arguments, words in ((["remove", "7"], "is no number of a run"), (["add"], "Name the project files")):
        assert main(["queue", *arguments]) == 2
        assert words in capsys.readouterr().err
    monkeypatch.setattr("engine.train.queue.launch", lambda run, verb: Done(run))
    assert main(["queue", "start"]) == 0
    (run,) = (tmp_path / "runs").iterdir()
    assert str(run) in capsys.readouterr().out
    assert load(run / "spec.json").training["epochs"] == 1


class Done:
    """Stands for a training process that has ended."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def wait(self) -> int:
        return 0


def test_graphs_and_runs_are_exported(trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, run, _events = trained
    assert main(["export", str(path), "--format", "svg", "--output", str(tmp_path / "a.svg")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "a.svg")
    assert main(["export", str(run), "--format", "safetensors", "--output", str(tmp_path / "a.safetensors")]) == 0
    assert (tmp_path / "a.safetensors").stat().st_size > 100
    for arguments, words in (
        ([str(path), "--format", "pyhton", "--output", "a.py"], "did you mean 'python'"),
        ([str(path), "--format", "svg", "--output", str(tmp_path / "no" / "a.svg")], "does not exist"),
        ([str(tmp_path / "gone.netloom"), "--format", "svg", "--output", "a.svg"], "does not exist"),
    ):
        capsys.readouterr()
        assert main(["export", *arguments]) == 2
        assert words in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------- what there is


def test_all_ops_are_listed_and_one_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops", "--json"]) == 0
    listed = answer(capsys)
    assert set(OPS) <= {each["op"] for each in listed}
    assert main(["ops", "Conv2d", "--json"]) == 0
    (conv,) = answer(capsys)
    assert {"op", "group", "doc", "params", "inputs", "outputs"} <= set(conv)
    assert {"name", "type", "default", "doc"} <= set(conv["params"][0])
    assert conv["outputs"] == ["output"]
    assert main(["ops"]) == 0
    assert OPS["Conv2d"].doc() in capsys.readouterr().out
    assert main(["ops", "Conv2"]) == 2
    assert "did you mean" in capsys.readouterr().err


def test_templates_and_devices_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "--json"]) == 0
    assert [each["template"] for each in answer(capsys)] == [each.name for each in examples()]
    assert main(["devices", "--json"]) == 0
    assert answer(capsys)[0]["device"] == "cpu"
    for verb in ("templates", "devices"):
        assert main([verb]) == 0
        assert capsys.readouterr().out


def test_every_verb_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for verb, (words, _arguments, _work) in cli.VERBS.items():
        with pytest.raises(SystemExit) as ended:
            main([verb, "--help"])
        assert ended.value.code == 0
        assert words in " ".join(capsys.readouterr().out.split())


def test_a_word_that_is_neither_verb_nor_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["trian"], ["gone.netloom"], ["a", "b"]):
        assert main(words) == 2
        assert "is neither a project file nor one of the verbs" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["check"], ["train", "p", "--epochs", "many"], ["evaluate", "r", "--split", "all"]]
)
def test_arguments_that_are_missing_or_wrong_end_with_status_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: netloom" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------ as a process


def netloom(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, **options)


def test_json_and_nothing_else_is_printed(tmp_path: Path) -> None:
    command = ["train", project(tmp_path), "--run", str(tmp_path / "r"), "--epochs", "2", "--json"]
    done = netloom(*command, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()][-1] == "finished"
    assert done.stderr == ""


def test_a_reader_that_goes_away_is_no_fault() -> None:
    command = f"{sys.executable} -m engine ops | head -1; test ${{PIPESTATUS[0]}} = 0"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_ctrl_c_stops_with_a_checkpoint_and_the_run_can_go_on(tmp_path: Path) -> None:
    run = Run(tmp_path / "r")
    command = [
        sys.executable,
        "-m",
        "engine",
        "train",
        project(tmp_path),
        "--run",
        str(run.path),
        "--epochs",
        "100000",
        "--json",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "epoch":
                break
        os.kill(process.pid, signal.SIGINT)
        *_rest, last = process.stdout
        assert process.wait(30) == 0
    assert json.loads(last)["event"] == "stopped"
    assert state_of(run) == "stopped"
    assert any(run.checkpoints.iterdir())


def test_data_at_a_path_is_guessed_described_and_sampled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "flowers.csv"
    table.write_text("length,species\n" + "".join(f"{i},{'xyz'[i % 3]}\n" for i in range(30)))
    assert main(["data", str(table)]) == 0
    said = capsys.readouterr().out
    assert "Table (target=species) flowers.csv: This looks like a table of 30 rows and 2 columns" in said
    assert "train 24, validation 3, test 3" in said
    assert "features 0; species x; length 0" in said
    assert main(["data", str(table), "--json", "--set", "data.split.method=k-fold", "--set", "data.split.test=0"]) == 0
    report = answer(capsys)
    assert report["source"]["params"]["path"] == str(table)
    assert report["guesses"][0]["kind"] == "Table"
    assert report["splits"] == {"train": 24, "validation": 6}


def test_a_path_without_data_is_told_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.md").write_text("# Notes")
    assert main(["data", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"netloom: {tmp_path} holds nothing that can be read as data: notes.md")
    assert said.err.count("\n") == 1
