from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine import data, edit
from engine.binding import binding_problems
from engine.check import check
from engine.data import text
from engine.events import Finished
from engine.ops import source_text
from engine.problem import Mistake
from engine.spec import Spec
from engine.train.folder import Run
from engine.train.loop import train
from engine.train.predict import predict
from tests.engine.data.making import HERE, refusal, source, steps, table

Pad: Any = source_text.Pad
Tokenize: Any = source_text.Tokenize
Truncate: Any = source_text.Truncate

TEXTS = ["The cat sat.", "the dog ran", "a cat ran far away today"]


def ids(texts: list[str], *chain: Any) -> list[list[int]]:
    found, _cut = text.apply(text.fit(chain, "text", texts), texts)
    return [found[place].tolist() for place in range(len(texts))]


def words(texts: list[str], *chain: Any) -> list[list[str]]:
    fitted = text.fit(chain, "text", texts)
    names = {number: token for token, number in text.vocabulary(fitted).items()}
    found, _cut = text.apply(fitted, texts)
    return [[names[each] for each in found[place].tolist()] for place in range(len(texts))]


# ------------------------------------------------------------------------------------------------------- tokenizing


def test_words_and_signs_are_tokens() -> None:
    assert words(TEXTS, Tokenize())[0] == ["the", "cat", "sat", "."]
    assert words(TEXTS, Tokenize(lower=False))[0][0] == "The"


def test_rare_words_are_unknown_and_the_vocabulary_keeps_its_limit() -> None:
    assert words(TEXTS, Tokenize(minimum=2))[0] == ["the", "cat", "<unk>", "<unk>"]
    fitted = text.fit([Tokenize(size=6)], "text", TEXTS)
    assert len(text.vocabulary(fitted)) == 6
    with pytest.raises(Mistake, match="no token that stands 9 times in the training split"):
        text.fit([Tokenize(minimum=9)], "text", TEXTS)


def test_characters_are_tokens() -> None:
    assert words(["ab\nc d"], Tokenize(by="characters"))[0] == ["a", "b", "\n", "c", " ", "d"]


@pytest.mark.parametrize("by", ["BPE", "WordPiece"])
def test_parts_of_words_make_up_new_words(by: Any) -> None:
    known = ["low lower lowest", "new newer newest", "wide wider widest"] * 4
    fitted = text.fit([Tokenize(by=by, size=60)], "text", known)
    found, _cut = text.apply(fitted, ["wider lowest"])
    assert text.UNKNOWN not in found.values
    assert text.text_of(fitted, found[0].tolist()) == "wider lowest"
    again = text.fit([Tokenize(by=by, size=60)], "text", known)
    assert again == fitted


def test_start_and_end_stand_round_a_text_even_where_it_is_cut() -> None:
    chain = (Tokenize(ends="start and end"), Truncate(length=4))
    found = words(TEXTS, *chain)
    assert found[0] == ["<start>", "the", "cat", "<end>"]
    assert words(TEXTS, Tokenize(ends="start and end"), Truncate(length=4, keep="end"))[2] == [
        "<start>",
        "away",
        "today",
        "<end>",
    ]
    assert words(TEXTS, Tokenize(ends="start"), Pad(length=3))[1] == ["<start>", "the", "dog"]


def test_a_text_of_nothing_known_is_one_unknown_token() -> None:
    fitted = text.fit([Tokenize()], "text", TEXTS)
    found, _cut = text.apply(fitted, ["\u200a", "zebra"])
    assert found.values.tolist() == [text.UNKNOWN, text.UNKNOWN]


def test_the_state_is_json() -> None:
    fitted = text.fit([Tokenize(), Truncate()], "text", TEXTS)
    again = json.loads(json.dumps(fitted))
    assert np.array_equal(text.apply(again, TEXTS)[0].values, text.apply(fitted, TEXTS)[0].values)
    with pytest.raises(Mistake, match="The vocabulary kept with the model is damaged"):
        text.apply([{**again[0], "state": {"tokenizer": {"model": 3}}}], TEXTS)


# ---------------------------------------------------------------------------------------------------------- sources


def lines_folder(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_bytes(content.encode())
    return folder


def classified(folder: Path, count: int = 20) -> Path:
    """Two files of lines: good things and bad things."""
    good = "".join(f"number {place} is a good and lovely thing\n" for place in range(count))
    bad = "".join(f"number {place} is bad\n" for place in range(count))
    return lines_folder(folder, rt__pos=good, rt__neg=bad + "\n", README__md="about the set")


def test_lines_are_samples_and_suffixes_classes(tmp_path: Path) -> None:
    found = data.report(source("TextLines", classified(tmp_path)), HERE)
    assert not found.problems
    assert found.columns["label"].classes == ("neg", "pos")
    assert found.columns["label"].counts == (20, 20)
    assert found.columns["text"].kind == "text"
    assert found.columns["text"].shape == ("T",)
    assert found.columns["text"].ports == "ids, length"
    assert found.columns["text"].lengths[0] == len("number 0 is bad")
    assert found.samples[0] == {"text": "number 0 is bad", "label": "neg"}


def test_a_folder_of_texts_leaves_out_what_is_none(tmp_path: Path) -> None:
    for name in ("train/good", "train/bad", "test/good", "test/bad"):
        (tmp_path / name).mkdir(parents=True)
        for place in range(4):
            (tmp_path / name / f"{place}.txt").write_text(f"text {place} of {name}")
    (tmp_path / "train" / "bad" / "x.txt").write_bytes(b"caf\xe9")
    (tmp_path / "train" / "bad" / "y.txt").write_text(" \n")
    spec = source("TextFolder", tmp_path)
    found = data.report(spec, HERE)
    assert found.splits == {"train": 7, "validation": 1, "test": 8}
    assert "1 file is no text as encoding says and left out" in found.notes[0]
    assert "x.txt" in found.notes[0]
    assert "1 file is empty and left out" in found.notes[1]


def test_bad_folders_of_text_are_said(tmp_path: Path) -> None:
    assert "holds no texts" in refusal(source("TextFolder", tmp_path))[0]
    lines_folder(tmp_path, a__txt="one\n")
    assert "has one class, a; at least two" in refusal(source("TextLines", tmp_path))[0]
    assert "take the source TextLines" in refusal(source("TextFolder", tmp_path))[0]
    (tmp_path / "b.txt").write_bytes(b"fine\ncaf\xe9\n")
    message, param = refusal(source("TextLines", tmp_path))
    assert "b.txt is not UTF-8 text (line 2, byte 8); save it as UTF-8, or set encoding." in message
    assert param == "data.source.params.encoding"
    assert data.report(source("TextLines", tmp_path, encoding="Windows-1252"), HERE).samples[1]["text"] == "fine"


def test_pairs_stand_in_two_files_in_one_or_in_a_zip(tmp_path: Path) -> None:
    one, two = tmp_path / "en.txt", tmp_path / "fr.txt"
    one.write_text("Go.\nRun!\nHi.\n")
    two.write_text("Va !\nCours !\nSalut.\n", encoding="utf-8")
    both = data.report(source("ParallelText", one, target=str(two)), HERE)
    assert both.samples[0] == {"source": "Go.", "target": "Va !"}
    assert [both.columns[name].shape for name in ("source", "target")] == [("T_source",), ("T_target",)]
    (tmp_path / "pairs.txt").write_text("Go.\tVa !\tCC\nlost\nRun!\tCours !\tCC\nHi.\tSalut.\n", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "pairs.zip", "w") as archive:
        archive.write(tmp_path / "pairs.txt", "fra.txt")
        archive.writestr("_about.txt", "x" * 1000)
    zipped = data.report(source("ParallelText", tmp_path / "pairs.zip"), HERE)
    assert zipped.samples == both.samples
    assert "1 line of fra.txt lacks one of the two texts and is left out, first line 2." in zipped.notes
    turned = data.report(source("ParallelText", tmp_path / "pairs.txt", columns=[2, 1], most=1), HERE)
    assert turned.samples == ({"source": "Va !", "target": "Go."},)


def test_bad_pairs_are_said(tmp_path: Path) -> None:
    one, two = tmp_path / "en.txt", tmp_path / "fr.txt"
    one.write_text("Go.\nRun!\n")
    two.write_text("Va !\n")
    assert "en.txt has 2 lines, and fr.txt 1" in refusal(source("ParallelText", one, target=str(two)))[0]
    assert "holds no pairs of texts" in refusal(source("ParallelText", one))[0]
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 and no more")
    assert "is cut off or damaged" in refusal(source("ParallelText", tmp_path / "cut.zip"))[0]


def test_a_table_tells_texts_from_classes(tmp_path: Path) -> None:
    rows = "".join(
        f'{("ham", "spam")[place % 2]}\tmessage {place} says "hello" to you all\t{place}\n' for place in range(40)
    )
    spec = table(tmp_path, rows, target="column_1")
    found = data.report(spec, HERE)
    assert [column.kind for column in found.columns.values()] == ["number", "category", "text", "number"]
    assert found.samples[0]["column_2"] == 'message 0 says "hello" to you all'
    chosen = data.report(edit.set_setting(spec, "data.source.params.texts", ["column_3"]), HERE)
    assert chosen.columns["column_3"].shape == ("T_column_3",)
    assert chosen.samples[3]["column_3"] == "3"


def test_rows_that_lack_a_text_are_named(tmp_path: Path) -> None:
    rows = "label,words\n" + "".join(f"{'ab'[place % 2]},this is text number {place}\n" for place in range(30)) + "a,\n"
    spec = edit.add(table(tmp_path, rows, target="label"), "Input", params={"column": "words"})
    message, _param = refusal(spec)
    assert message == "1 of 31 samples lack a value in words (1), first row 32; leave them out."
    kept = edit.set_setting(spec, "data.source.params.missing", "drop rows")
    assert sum(map(len, (each["words"] for each in data.prepare(kept, HERE).splits.values()))) == 30


# --------------------------------------------------------------------------------------------- steps and preparation


def test_steps_that_make_no_numbers_are_refused(tmp_path: Path) -> None:
    spec = source("TextLines", classified(tmp_path))
    assert "let its first step be Tokenize" in refusal(steps(spec, "text"))[0]
    assert "let its first step be Tokenize" in refusal(steps(spec, "text", "Truncate"))[0]
    assert "Tokenize on text stands twice" in refusal(steps(spec, "text", "Tokenize", "Tokenize"))[0]
    assert (
        "Standardize works on number and image columns, and text is a text"
        in refusal(steps(spec, "text", "Standardize"))[0]
    )
    assert "Tokenize works on text columns" in refusal(steps(spec, "label", "Tokenize"))[0]


def test_the_vocabulary_comes_from_the_training_split_alone(tmp_path: Path) -> None:
    dataset = data.prepare(source("TextLines", classified(tmp_path)), HERE)
    high = dataset.columns["text"].high
    assert high is not None
    training = dataset.splits["train"]["text"]
    assert isinstance(training, data.Ragged)
    shown = data.report(source("TextLines", tmp_path), HERE).columns["text"].high
    assert shown == high
    numbers = {str(place) for place in range(20)}
    vocabulary = text.vocabulary(dataset.state["columns"]["text"]["steps"])
    assert len(numbers - vocabulary.keys()) > 0  # those that stand in the other splits alone


def test_texts_beyond_the_limit_are_counted(tmp_path: Path) -> None:
    spec = steps(source("TextLines", classified(tmp_path)), "text", "Tokenize", ("Truncate", {"length": 5}))
    assert "text: 20 of 40 texts are longer than the limit and cut." in data.prepare(spec, HERE).notes


# ------------------------------------------------------------------------------------------------------- the graph


def classifier(spec: Spec, feature: str = "text", target: str = "label") -> Spec:
    """Embeddings added up and divided by the length -> Linear -> CrossEntropyLoss, and the class as output."""
    columns = data.report(spec, HERE).columns
    for name in (feature, target):
        spec = edit.bind(edit.add(spec, "Input"), edit.new_id(spec, "Input"), columns[name])
    size = int(columns[feature].high or 0) + 1
    params = {"num_embeddings": size, "embedding_dim": 8, "padding_idx": 0}
    spec = edit.add(spec, "Embedding", params=params, inputs={"input": "input_1"})
    spec = edit.add(spec, "Sum", params={"dim": 1}, inputs={"input": "embedding_1"})
    spec = edit.add(spec, "Cast", inputs={"input": "input_1.length"})
    spec = edit.add(spec, "Unsqueeze", params={"dim": 1}, inputs={"input": "cast_1"})
    spec = edit.add(spec, "Divide", inputs={"input": "sum_1", "other": "unsqueeze_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 2}, inputs={"input": "divide_1"})
    spec = edit.add(spec, "CrossEntropyLoss", inputs={"input": "linear_1", "target": "input_2"})
    spec = edit.add(spec, "Output", params={"name": "class"}, inputs={"input": "linear_1"})
    spec = edit.set_decode(spec, "output_1", {"op": "Argmax", "params": {}})
    spec = edit.set_setting(spec, "training.optimizers", [{"name": "main", "op": "Adam", "params": {"lr": 0.05}}])
    return edit.set_setting(spec, "training.epochs", 6)


def test_an_input_of_text_has_a_port_for_lengths() -> None:
    params = {"column": "text", "shape": ["N", "T"], "dtype": "int64", "ports": "ids, length"}
    spec = edit.add(edit.add(Spec(), "Input", params=params), "Input", params={"shape": ["N", 4]})
    report = check(spec)
    assert [str(each) for each in report.nodes["input_1"].outputs.values()] == ["N × T", "N"]
    assert list(report.nodes["input_2"].outputs) == ["output"]


def test_a_network_of_text_trains_and_answers_raw_texts(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    spec = classifier(source("TextLines", classified(tmp_path / "set")))
    run = Run(tmp_path / "run")
    last = list(train(spec, HERE, run))[-1]
    assert getattr(last, "test", {}).get("accuracy") == 1.0
    rows = [{"text": "What a lovely and good thing"}, {"text": "this is bad"}]
    assert list(predict(run, rows)) == [{"class": "pos"}, {"class": "neg"}]
    new = tmp_path / "new.txt"
    new.write_text("this is bad\n\na good and lovely thing\n")
    assert list(predict(run, new)) == [{"class": "neg"}, {"class": "pos"}]
    with pytest.raises(Mistake, match="Sample 1: text is '3'; it must be a text"):
        list(predict(run, [{"text": 3}]))


def test_tokens_beyond_the_embedding_are_a_problem_with_a_fix(tmp_path: Path) -> None:
    spec = edit.set_param(classifier(source("TextLines", classified(tmp_path))), "embedding_1", "num_embeddings", 7)
    columns = data.prepare(spec, HERE).columns
    found = binding_problems(spec, check(spec), columns)
    assert "text has indices up to" in found[0].message
    assert found[0].fixes


def test_a_column_of_other_ports_does_not_fit(tmp_path: Path) -> None:
    spec = classifier(source("TextLines", classified(tmp_path)))
    columns = data.columns_of(spec, HERE)
    assert not binding_problems(spec, check(spec), columns)
    swapped = edit.set_param(spec, "input_1", "column", "label")
    found = binding_problems(swapped, check(swapped), columns)
    assert found[0].fixes[0].arguments["ports"] == "output"


# -------------------------------------------------------------------------------------------------------- real sets


@pytest.mark.parametrize(
    ("name", "kind", "file", "params", "counts"),
    [
        ("text_sms_spam", "Table", "sms.tsv", {"target": "column_1"}, {"column_2": 5574}),
        ("text_mr_polarity", "TextLines", "", {}, {"text": 10662}),
        ("mt_tatoeba_fra_eng", "ParallelText", "fra-eng.zip", {"most": 10000}, {"source": 10000, "target": 10000}),
    ],
)
def test_real_sets_open_preview_and_batch(
    data_folder: Callable[[str], Path], name: str, kind: str, file: str, params: Any, counts: dict[str, int]
) -> None:
    spec = source(kind, data_folder(name) / file, **params)
    found = data.report(spec, HERE)
    assert not found.problems
    assert len(found.samples) == 48
    dataset = data.prepare(spec, HERE)
    for column, count in counts.items():
        assert sum(len(each[column]) for each in dataset.splits.values()) == count
    batch = next(data.batches(dataset.splits["train"], 32, order=torch.arange(32).flip(0)))
    assert all(len(each) == 32 for each in batch)


def test_a_network_that_writes_text_answers_in_words(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    spec = source("TextLines", classified(tmp_path / "set"))
    column = data.report(spec, HERE).columns["text"]
    spec = edit.bind(edit.add(spec, "Input"), "input_1", column)
    size = int(column.high or 0) + 1
    spec = edit.add(
        spec, "Embedding", params={"num_embeddings": size, "embedding_dim": size}, inputs={"input": "input_1"}
    )
    spec = edit.add(spec, "Transpose", params={"dim0": 1, "dim1": 2}, inputs={"input": "embedding_1"})
    spec = edit.add(spec, "CrossEntropyLoss", inputs={"input": "transpose_1", "target": "input_1"})
    spec = edit.add(spec, "Output", params={"name": "again"}, inputs={"input": "transpose_1"})
    spec = edit.set_decode(spec, "output_1", {"op": "Argmax", "params": {}})
    spec = edit.set_setting(spec, "training.optimizers", [{"name": "main", "op": "Adam", "params": {"lr": 0.3}}])
    run = Run(tmp_path / "run")
    assert isinstance(list(train(edit.set_setting(spec, "training.epochs", 8), HERE, run))[-1], Finished)
    assert list(predict(run, [{"text": "a good and lovely thing"}])) == [{"again": "a good and lovely thing"}]
