"""Whole runs with losses and metrics beyond the plain ones: told in events, kept over a stop, shown by evaluate."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from engine import cli, data, edit, events
from engine.events import Epoch, Finished, Progress, Started, Stopped, Table
from engine.spec import Spec
from engine.train import loop
from engine.train.checkpoint import Progressed
from engine.train.commands import Command
from engine.train.folder import Run
from engine.train.gather import Gathered, joined
from engine.train.meter import Meter
from engine.train.predict import evaluate, load_model, predict
from engine.train.session import open_session


def network(source: str, epochs: int, *shapes: tuple[str, list[Any], str]) -> Spec:
    """A spec with an Input for each (column, shape, dtype)."""
    spec = edit.set_optimizer(edit.set_source(Spec(name="p"), source), "Adam")
    spec = edit.set_setting(spec, "training.optimizers.0.params.lr", 0.01)
    spec = edit.set_setting(edit.set_setting(spec, "training.epochs", epochs), "data.batching.batch_size", 32)
    for column, shape, dtype in shapes:
        spec = edit.add(spec, "Input", params={"column": column, "shape": ["N", *shape], "dtype": dtype})
    return spec


def tumours(epochs: int = 3) -> Spec:
    """Breast cancer: standardised features, two classes."""
    spec = network("BreastCancer", epochs, ("features", [30], "float32"), ("label", [], "int64"))
    spec = edit.set_setting(spec, "data.columns", {"features": {"steps": [{"op": "Standardize", "params": {}}]}})
    spec = edit.add(spec, "Linear", params={"out_features": 16}, inputs={"input": "input_1"})
    spec = edit.add(spec, "ReLU", inputs={"input": "linear_1"})
    spec = edit.add(spec, "Dropout", params={"p": 0.2}, inputs={"input": "relu_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 2}, inputs={"input": "dropout_1"})
    compared = {"input": "linear_2", "target": "input_2"}
    spec = edit.add(spec, "CrossEntropyLoss", params={"weight": [2.0, 1.0]}, inputs=compared)
    for op in ("ConfusionMatrix", "F1", "AUROC", "Accuracy"):
        spec = edit.add(spec, op, inputs=compared)
    spec = edit.add(spec, "Recall", params={"average": "none"}, inputs=compared)
    spec = edit.add(spec, "Softmax", inputs={"input": "linear_2"})
    spec = edit.add(spec, "Output", inputs={"input": "softmax_1"})
    return edit.set_decode(spec, "output_1", {"op": "Argmax", "params": {}})


def trained(spec: Spec, run: Path) -> list[Any]:
    return list(loop.train(spec, run.parent, Run(run)))


def test_a_network_is_measured_as_scikit_learn_measures_it(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    told = trained(tumours(8), run.path)
    started, finished = told[0], told[-1]
    assert isinstance(started, Started)
    assert isinstance(finished, Finished)
    assert set(finished.test) == {"loss", "f1", "auroc", "accuracy"}
    columns = data.prepare(run.spec(), tmp_path, ["features", "label"]).splits["test"]
    model = load_model(run).module
    with torch.inference_mode():
        probabilities = model(columns["features"])["output_1"].numpy()
    labels, answers = columns["label"].numpy(), probabilities.argmax(1)
    assert finished.test["f1"] == pytest.approx(sk.f1_score(labels, answers, average="macro"))
    assert finished.test["auroc"] == pytest.approx(sk.roc_auc_score(labels, probabilities[:, 1]), abs=1e-6)
    assert finished.test["f1"] > 0.9
    table = finished.tables["confusion_matrix"]
    assert (table.down, table.across) == ("true", "answered")
    assert table.rows == table.columns == ("malignant", "benign")
    assert np.array_equal(table.values, sk.confusion_matrix(labels, answers))
    recall = finished.tables["recall"]
    assert (recall.rows, recall.columns) == (("malignant", "benign"), ("Recall",))
    assert np.allclose(np.array(recall.values)[:, 0], sk.recall_score(labels, answers, average=None))


def test_an_epoch_tells_what_is_gathered_of_both_splits_and_progress_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "READ_SECONDS", 0.0)
    told = trained(tumours(2), tmp_path / "run")
    epochs = [event for event in told if isinstance(event, Epoch)]
    for event in epochs:
        assert set(event.train) == set(event.validation) == {"loss", "f1", "auroc", "accuracy"}
        assert sum(map(sum, event.tables["confusion_matrix"].values)) == told[0].samples["validation"]
    assert all(set(event.train) == {"loss", "accuracy"} for event in told if isinstance(event, Progress))
    assert told[0].metrics == {"f1": True, "auroc": True, "accuracy": True}
    scores = [event.validation["f1"] for event in epochs]  # the confusion matrix comes first, but is no number
    assert epochs[int(np.argmax(scores))].best


def test_a_run_stopped_within_an_epoch_measures_it_as_if_it_had_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "READ_SECONDS", 0.0)
    whole = [event for event in trained(tumours(), tmp_path / "whole") if isinstance(event, Epoch)]
    run, stopped = Run(tmp_path / "run"), []
    for event in loop.train(tumours(), tmp_path, run):
        stopped.append(event)
        if isinstance(event, Progress) and event.epoch == 2 and event.step == 5:
            run.tell(Command("stop"))
    assert isinstance(stopped[-1], Stopped)
    resumed = [event for event in loop.resume(run) if isinstance(event, Epoch)]
    for event, same in zip(resumed, whole[1:], strict=True):
        assert event.train == pytest.approx(same.train)
        assert event.validation == pytest.approx(same.validation)
        assert event.tables == same.tables


def test_the_best_epoch_is_told_by_the_first_metric_that_is_a_number(tmp_path: Path) -> None:
    session = open_session(tumours(), tmp_path)
    assert session.best_by == ("f1", True)
    progressed = Progressed()

    def best(**scores: float) -> bool:
        progressed.epoch += 1
        return loop._is_best(session, progressed, scores)

    assert best(loss=1.0, f1=math.nan, auroc=0.5)  # better than no epoch at all
    assert not best(loss=0.1, f1=math.nan, auroc=0.9)
    assert best(loss=1.0, f1=0.5, auroc=0.4)
    assert not best(loss=0.1, f1=0.4, auroc=0.9)
    assert not best(loss=0.1, f1=math.nan, auroc=0.9)
    assert best(loss=2.0, f1=0.6, auroc=0.1)
    assert progressed.best_epoch == 6


def test_a_metric_that_does_not_apply_is_left_out_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Gathered.flush

    def refused(self: Gathered) -> None:
        if "AUROC" in type(self._object).__name__:
            raise ValueError("Expected only\n  [0, 1].")
        asked(self)

    monkeypatch.setattr(Gathered, "flush", refused)
    told = [each for each in trained(tumours(2), tmp_path / "run") if isinstance(each, Epoch)]
    assert told[0].notes == ("auroc does not apply to what it is given and is left out: Expected only [0, 1].",)
    assert told[1].notes == ()
    assert "auroc" not in told[1].validation
    assert "f1" in told[1].validation


def test_evaluate_tells_the_tables_as_json_and_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(tmp_path / "run")
    finished = trained(tumours(2), run.path)[-1]
    assert evaluate(run, "test").tables == finished.tables
    assert cli.main(["evaluate", str(run.path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["metrics"] == pytest.approx(finished.test)
    assert events.decode_table(told["tables"]["confusion_matrix"]) == finished.tables["confusion_matrix"]
    assert cli.main(["evaluate", str(run.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    place = lines.index("confusion_matrix")
    assert lines[place + 1].split() == ["true", "\\", "answered", "malignant", "benign"]
    assert lines[place + 2].split()[0] == "malignant"
    widths = {len(line) for line in lines[place + 1 : place + 4]}
    assert len(widths) == 1


def test_an_output_behind_a_softmax_names_its_classes(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    trained(tumours(1), run.path)
    rows = [{"features": [1.0] * 30}]
    assert next(predict(run, rows))["output_1"] in ("malignant", "benign")


def test_events_with_tables_travel_and_old_ones_are_still_read() -> None:
    table = Table("true", "answered", ("no", "yes"), ("no", "yes"), ((3.0, 1.0), (math.inf, 2.0)))
    epoch = Epoch(1, {"loss": 1.0}, {}, 1.0, 2.0, True, tables={"confusion_matrix": table})
    data = json.loads(json.dumps(events.encode(epoch)))
    assert data["tables"]["confusion_matrix"]["values"] == [[3.0, 1.0], [None, 2.0]]
    back = events.decode(data)
    assert isinstance(back, Epoch)
    assert back.tables["confusion_matrix"].rows == table.rows
    assert math.isnan(back.tables["confusion_matrix"].values[1][0])
    del data["tables"]
    assert events.decode(data) == Epoch(1, {"loss": 1.0}, {}, 1.0, 2.0, True)


# ------------------------------------------------------------------------------------------------------- sequences


def test_ctc_learns_to_read_and_its_error_rate_is_measured_by_itself(tmp_path: Path) -> None:
    """Signals of ten steps hold three of four symbols, each drawn out over some steps, in silence."""
    numbers = np.random.default_rng(2)
    signals, symbols = np.zeros((600, 10, 5), dtype=np.float32), numbers.integers(1, 5, (600, 3))
    for signal, row in zip(signals, symbols, strict=True):
        starts = np.array([0, 3, 7]) + numbers.integers(0, 2, 3)
        for symbol, start in zip(row, starts, strict=True):
            signal[start : start + numbers.integers(1, 3), symbol] = 1
    signals += numbers.normal(0, 0.1, signals.shape).astype(np.float32)
    np.savez(tmp_path / "d.npz", signal=signals, symbols=symbols.astype(np.int64))
    spec = network("Arrays", 12, ("signal", [10, 5], "float32"), ("symbols", [3], "int64"))
    spec = edit.set_setting(spec, "data.source", {"kind": "Arrays", "params": {"path": str(tmp_path / "d.npz")}})
    spec = edit.add(spec, "LSTM", params={"hidden_size": 24}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 5}, inputs={"input": "lstm_1"})
    spec = edit.add(spec, "LogSoftmax", inputs={"input": "linear_1"})
    spec = edit.add(spec, "CTCLoss", inputs={"log_probs": "log_softmax_1", "targets": "input_2"})
    told = trained(spec, tmp_path / "run")
    epochs = [event for event in told if isinstance(event, Epoch)]
    assert epochs[0].train["character_error_rate"] > 0.5
    assert isinstance(told[-1], Finished)
    assert told[-1].test["character_error_rate"] < 0.05
    assert told[0].metrics == {"character_error_rate": False}


# --------------------------------------------------------------------------------------------------------- rankings


def test_bpr_ranks_what_users_like(tmp_path: Path) -> None:
    """Users and items have hidden tastes, and users like what agrees with theirs. Of ten items the first is liked."""
    numbers = np.random.default_rng(3)
    users, items = numbers.normal(size=(30, 3)), numbers.normal(size=(40, 3))
    liked = users @ items.T > 1.0
    rows = numbers.integers(0, 30, 3000)
    rows = rows[liked[rows].any(1)]
    candidates = [
        [numbers.choice(np.flatnonzero(liked[row])), *numbers.choice(np.flatnonzero(~liked[row]), 9)] for row in rows
    ]
    columns = {"user": rows, "items": np.array(candidates), "right": np.zeros_like(rows)}
    np.savez(tmp_path / "d.npz", **{name: column.astype(np.int64) for name, column in columns.items()})  # type: ignore[arg-type]  # its stub means allow_pickle
    spec = network("Arrays", 6, ("user", [], "int64"), ("items", [10], "int64"), ("right", [], "int64"))
    spec = edit.set_setting(spec, "data.source", {"kind": "Arrays", "params": {"path": str(tmp_path / "d.npz")}})
    spec = edit.add(spec, "Embedding", params={"num_embeddings": 30, "embedding_dim": 8}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Embedding", params={"num_embeddings": 40, "embedding_dim": 8}, inputs={"input": "input_2"})
    spec = edit.add(spec, "Unsqueeze", params={"dim": 2}, inputs={"input": "embedding_1"})
    spec = edit.add(spec, "MatMul", inputs={"input": "embedding_2", "other": "unsqueeze_1"})
    spec = edit.add(spec, "Squeeze", params={"dim": 2}, inputs={"input": "mat_mul_1"})
    for index in (0, 1):
        spec = edit.add(spec, "Select", params={"index": index}, inputs={"input": "squeeze_1"})
    spec = edit.add(spec, "BPRLoss", inputs={"positive": "select_1", "negative": "select_2"})
    for op, k in (("NDCG", None), ("HitRate", 3), ("MRR", None)):
        spec = edit.add(spec, op, params={"k": k}, inputs={"input": "squeeze_1", "target": "input_3"})
    told = trained(spec, tmp_path / "run")
    assert isinstance(told[-1], Finished), told[-1]
    first = next(event for event in told if isinstance(event, Epoch))
    assert set(first.train) == {"loss", "ndcg", "hit_rate", "mrr"}
    assert first.train["ndcg"] < 0.7
    assert told[-1].test["ndcg"] > 0.85
    assert told[-1].test["hit_rate"] > 0.9
    assert told[-1].test["mrr"] < told[-1].test["ndcg"]


def test_what_is_gathered_does_not_depend_on_when_it_is_read(tmp_path: Path) -> None:
    spec = network("Diabetes", 1, ("features", [10], "float32"), ("target", [1], "float32"))
    spec = edit.add(spec, "Linear", params={"out_features": 1}, inputs={"input": "input_1"})
    for op in ("MSELoss", "R2", "Pearson"):
        spec = edit.add(spec, op, inputs={"input": "linear_1", "target": "input_2"})
    session = open_session(spec, tmp_path)
    often, seldom = Meter(session.compiled.program), Meter(session.compiled.program)
    with torch.no_grad():
        for place, batch in enumerate(session.loader.training(0)):
            answers = session.plain(*batch)
            for meter in (often, seldom):
                meter.add(answers, len(batch[0]))
            often.read()
            if place % 3 == 2:  # as a checkpoint does, and going on from it
                often = Meter(session.compiled.program, often.totals, often.states())
    seldom.read()
    assert often.measured({}) == seldom.measured({})


def test_batches_that_waited_on_the_host_are_joined_with_those_of_the_device() -> None:
    waiting = [(torch.ones(2, 3), None, torch.ones(2)), (torch.ones(4, 3), None, torch.ones(4))]
    coming = (torch.ones(5, 3, device="meta"), None, torch.ones(5, device="meta"))
    (batch,) = joined([*waiting, coming])
    assert [each if each is None else (len(each), each.device.type) for each in batch] == [
        (11, "meta"),
        None,
        (11, "meta"),
    ]
