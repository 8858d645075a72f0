from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from scipy.signal import resample_poly

from engine import data, edit
from engine.data import audio
from engine.data.keys import Keys
from engine.data.ragged import flat
from engine.modules import signal
from engine.ops import source_audio
from engine.problem import Mistake
from engine.spec import Spec
from engine.train.folder import Run
from engine.train.loop import train
from engine.train.predict import predict
from tests.engine.data.making import HERE, refusal, source, steps

Mono: Any = source_audio.Mono
Resample: Any = source_audio.Resample
TrimPad: Any = source_audio.TrimPad
Spectrogram: Any = source_audio.Spectrogram
MelSpectrogram: Any = source_audio.MelSpectrogram
MFCC: Any = source_audio.MFCC
RandomGain: Any = source_audio.RandomGain
RandomShift: Any = source_audio.RandomShift
RandomNoise: Any = source_audio.RandomNoise
MaskFrames: Any = source_audio.MaskFrames

RATE = 8000


def tone(hertz: float, seconds: float = 0.25, rate: int = RATE, channels: int = 1) -> np.ndarray[Any, Any]:
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def write(path: Path, wave: np.ndarray[Any, Any], rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(str(path), wave, rate)
    return path


def tones(folder: Path, count: int = 8, suffix: str = "wav") -> Path:
    """High and low tones of several lengths, a folder each."""
    for place in range(count):
        for name, hertz in (("high", 2000), ("low", 300)):
            write(folder / name / f"{place}.{suffix}", tone(hertz + 10 * place, 0.1 + 0.02 * place))
    return folder


# ------------------------------------------------------------------------------------------------------------ steps


def test_steps_do_what_scipy_and_the_ops_of_the_graph_do() -> None:
    wave = tone(440, channels=2)
    wave[:, 1] = 0
    sound = audio.Sound(wave, RATE)
    mono = wave.mean(axis=1)
    assert np.allclose(audio.applied(audio.fit([Mono()]), sound), mono)
    resampled = audio.applied(audio.fit([Mono(), Resample(rate=6000)]), sound)
    assert np.allclose(resampled, resample_poly(mono, 3, 4), atol=1e-6)
    padded = audio.applied(audio.fit([TrimPad(seconds=0.5)]), sound)
    assert padded.shape == (4000, 2)
    assert not padded[2000:].any()
    assert np.array_equal(audio.applied(audio.fit([Mono(), TrimPad(seconds=0.1)]), sound), mono[:800])
    mel = signal.MelSpectrogram(RATE, n_fft=256, hop_length=80, n_mels=20, log=True)(torch.from_numpy(mono))
    found = audio.applied(audio.fit([Mono(), MelSpectrogram(n_fft=256, hop_length=80, n_mels=20)]), sound)
    assert np.allclose(found, mel.T.numpy())
    cepstra = signal.MFCC(n_mfcc=13, n_mels=40, sample_rate=RATE, n_fft=400, hop_length=160)(torch.from_numpy(mono))
    assert np.allclose(audio.applied(audio.fit([Mono(), MFCC()]), sound), cepstra.T.numpy())
    power = signal.Spectrogram(n_fft=400, hop_length=160)(torch.from_numpy(mono))
    linear = audio.applied(audio.fit([Mono(), Spectrogram(log=False)]), sound)
    assert np.allclose(linear, power.T.numpy())


@pytest.mark.parametrize(
    ("chain", "shape", "ports"),
    [
        ((), (2, "T"), "samples, length"),
        ((Mono(),), ("T",), "samples, length"),
        ((Mono(), TrimPad(seconds=0.5)), (4000,), "samples, length"),
        ((TrimPad(seconds=0.5), Resample(rate=6000), Mono()), (3000,), "samples, length"),
        ((Mono(), MFCC()), (13, "T"), "frames, length"),
        ((Mono(), TrimPad(seconds=0.5), MelSpectrogram()), (40, 26), "frames, length"),
        ((Mono(), TrimPad(seconds=0.01), Spectrogram()), (201, 3), "frames, length"),
    ],
)
def test_shapes_are_known_before_a_file_is_decoded(chain: Any, shape: Any, ports: str) -> None:
    column = audio.after(audio.audio_column("audio", 2, RATE, RATE), chain)
    assert (column.shape, column.ports) == (shape, ports)
    fitted = audio.fit(chain)
    found = audio.applied(fitted, audio.Sound(tone(440, channels=2), RATE))
    batch = audio.tensors(fitted, shape, flat([found], found[:0])).batch(torch.tensor([0]), len(found))
    assert all(size in (actual, "T") for size, actual in zip(shape, batch.shape[1:], strict=True))


def test_steps_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    tones(tmp_path)
    write(tmp_path / "low" / "stereo.wav", tone(300, rate=16000, channels=2), 16000)
    spec = source("AudioFolder", tmp_path)
    found = data.report(spec, HERE)
    assert not found.problems
    assert "1 of 17 sounds has another sampling rate than 8,000 Hz, first" in found.notes[0]
    assert "stereo.wav (16,000 Hz)" in found.notes[0]
    assert "different sampling rates; add Resample." in refusal(steps(spec, "audio", "Mono"))[0]
    assert "different numbers of channels; add Mono." in refusal(steps(spec, "audio", "Resample"))[0]
    assert (
        "makes frames, and Mono takes sound; put it last."
        in refusal(steps(spec, "audio", "Resample", "MFCC", "Mono"))[0]
    )
    message = refusal(steps(spec, "audio", "Resample", "Mono", ("MFCC", {"n_mfcc": 50})))[0]
    assert "n_mfcc is 50; it must be at most n_mels (40)." in message
    fix = data.report(steps(spec, "audio", "Mono"), HERE).problems[0].fixes[0]
    assert fix.arguments["value"][0] == {"op": "Resample", "params": {"rate": RATE}}


def varied(step: Any, wave: np.ndarray[Any, Any], sample: int = 0, *, epoch: int = 0, frames: Any = None) -> Any:
    chain = [Mono(), *([frames] if frames else []), step]
    keys = Keys(0, epoch, torch.tensor([5, sample]))
    return audio.applied(audio.fit(chain), audio.Sound(wave, RATE), keys, 1)


def test_random_steps_of_sounds_depend_on_seed_epoch_and_sample_and_rest_without_them() -> None:
    wave = tone(440)
    for step in (RandomGain(), RandomShift(), RandomNoise(), MaskFrames(frames=3, bands=4, count=3)):
        frames = MelSpectrogram() if type(step).__name__ == "MaskFrames" else None
        plain = audio.applied(audio.fit([Mono(), *([frames] if frames else [])]), audio.Sound(wave, RATE))
        chain = audio.fit([Mono(), *([frames] if frames else []), step])
        assert np.array_equal(audio.applied(chain, audio.Sound(wave, RATE)), plain)
        found = [varied(step, wave, sample, epoch=epoch, frames=frames) for sample, epoch in ((1, 0), (2, 0), (1, 1))]
        assert np.array_equal(found[0], varied(step, wave, 1, frames=frames))
        assert not any(np.array_equal(found[0], each) for each in (plain, *found[1:]))
        assert all(each.shape == plain.shape and each.dtype == np.float32 for each in found)


def test_random_steps_of_sounds_stay_within_their_bounds() -> None:
    wave = tone(440)
    louder = [np.abs(varied(RandomGain(decibels=6.0), wave, sample)).max() / 0.5 for sample in range(40)]
    assert 0.5 < min(louder) < 0.6 and 1.7 < max(louder) < 2.0
    for sample in range(20):
        ratio = (
            np.square(wave).mean()
            / np.square(varied(RandomNoise(ratio=(10.0, 20.0)), wave, sample) - wave[:, 0]).mean()
        )
        assert 9 < 10 * np.log10(ratio) < 21
    ramp = np.arange(1, 1001, dtype=np.float32)[:, None] / 1000
    for sample in range(20):
        found = varied(RandomShift(seconds=0.05), ramp, sample)
        by = int((found > 0).argmax()) if found[0] == 0 else -round(float(found[0] - ramp[0, 0]) * 1000)
        assert abs(by) <= 0.05 * RATE
        oracle = np.zeros(1000, np.float32)
        oracle[max(0, by) : 1000 + min(0, by)] = ramp[max(0, -by) : 1000 - max(0, by), 0]
        assert np.array_equal(found, oracle)
    assert not varied(RandomNoise(), np.zeros((100, 1), np.float32)).any()


def test_masked_frames_are_whole_stretches_at_the_mean() -> None:
    wave = tone(440) + np.random.default_rng(0).normal(0, 0.05, (2000, 1)).astype(np.float32)
    plain = audio.applied(audio.fit([Mono(), MelSpectrogram()]), audio.Sound(wave, RATE))
    for sample in range(12):
        found = varied(MaskFrames(frames=4, bands=6), wave, sample, frames=MelSpectrogram())
        changed = found != plain
        assert changed.all(1).sum() <= 4 and changed.all(0).sum() <= 6
        rows, columns = changed.all(1), changed.all(0)
        assert np.array_equal(changed, rows[:, None] | columns)
        assert np.allclose(found[changed], plain.mean())


def test_files_are_loaded_with_the_draws_of_their_samples(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{place}.wav", tone(300 + place)) for place in range(4)]
    chain = audio.fit([Mono(), RandomGain()])
    whole, _ = audio.load(chain, paths, keys=Keys(1, 0, torch.arange(4)))
    part, _ = audio.load(chain, paths[2:], keys=Keys(1, 0, torch.tensor([2, 3])))
    assert np.array_equal(part.values, whole.values[whole.offsets[2] :])
    rested, _ = audio.load(chain, paths)
    assert not np.array_equal(rested.values, whole.values)


def test_what_covers_frames_comes_after_what_makes_them(tmp_path: Path) -> None:
    spec = source("AudioFolder", tones(tmp_path))
    assert "covers parts of frames, and no step before it makes them" in refusal(steps(spec, "audio", "MaskFrames"))[0]
    noisy = steps(spec, "audio", "Mono", ("RandomNoise", {"ratio": [30.0, 10.0]}))
    assert refusal(noisy)[1] == "data.columns.audio.steps.1.params.ratio"
    column = audio.after(
        audio.audio_column("audio", 1, RATE, RATE), (TrimPad(seconds=0.5), MelSpectrogram(), MaskFrames())
    )
    assert (column.shape, column.ports) == ((40, 26), "frames, length")


# ---------------------------------------------------------------------------------------------------------- sources


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_sounds_of_all_formats_are_read(tmp_path: Path, suffix: str) -> None:
    dataset = data.prepare(source("AudioFolder", tones(tmp_path, suffix=suffix)), HERE)
    assert dataset.columns["label"].classes == ("high", "low")
    assert sum(map(len, (each["audio"] for each in dataset.splits.values()))) == 16
    batch = next(data.batches(dataset.splits["train"], 4))[0]
    assert batch.dtype == torch.float32
    assert 0.3 < float(batch.abs().max()) < 0.7


def test_classes_and_test_sounds_are_told_by_file_names(tmp_path: Path) -> None:
    for name in ("yes_ann_0", "yes_bob_1", "yes_ann_2", "no_ann_0", "no_bob_1", "no_ann_2"):
        write(tmp_path / "clips" / f"{name}.wav", tone(300))
    found = data.report(source("AudioFolder", tmp_path, test="*_0.wav"), HERE)
    assert found.columns["label"].classes == ("no", "yes")
    assert found.splits == {"train": 3, "validation": 1, "test": 2}
    assert "no sound fits it, as no_ann_0.wav" in refusal(source("AudioFolder", tmp_path, test="*.mp3"))[0]
    assert "has one class, clips" in refusal(source("AudioFolder", tmp_path, classes="folders"))[0]


def test_train_and_test_folders_are_kept_apart(tmp_path: Path) -> None:
    for half in ("train", "test"):
        tones(tmp_path / half)
    found = data.report(source("AudioFolder", tmp_path), HERE)
    assert found.columns["label"].classes == ("high", "low")
    assert found.splits["test"] == 16


def test_corrupt_sounds_are_left_out_and_named(tmp_path: Path) -> None:
    tones(tmp_path)
    (tmp_path / "low" / "bad.wav").write_bytes(b"RIFF and nothing of use")
    write(tmp_path / "low" / "empty.wav", tone(300)[:0])
    whole = write(tmp_path / "low" / "cut.flac", np.random.default_rng(0).normal(0, 0.2, (20000, 1))).read_bytes()
    (tmp_path / "low" / "cut.flac").write_bytes(whole[: len(whole) // 3] + bytes(len(whole) // 3))
    dataset = data.prepare(source("AudioFolder", tmp_path), HERE)
    left_out = [note for note in dataset.notes if "left out" in note]
    assert sum(map(len, (each["audio"] for each in dataset.splits.values()))) == 16
    assert sum(map(len, (each["label"] for each in dataset.splits.values()))) == 16
    assert "2 sounds are left out" in left_out[0]
    assert "bad.wav cannot be decoded" in left_out[0]
    assert "empty.wav holds no sound" in left_out[0]
    assert "1 sound is left out" in left_out[1]
    assert "cut.flac" in left_out[1]
    shown = data.report(source("AudioFolder", tmp_path), HERE)
    assert not shown.problems
    assert None in [sample["audio"] for sample in shown.samples]


def test_folders_without_sounds_are_said(tmp_path: Path) -> None:
    assert "holds no sounds" in refusal(source("AudioFolder", tmp_path))[0]
    (tmp_path / "a.wav").write_bytes(b"nothing")
    message, _param = refusal(source("AudioFolder", tmp_path))
    assert "none of the sounds can be read. 1 sound is left out: " in message


def test_sounds_are_named_in_a_table(tmp_path: Path) -> None:
    tones(tmp_path / "clips")
    names = [f"{name}/{place}.wav,{name},{place}" for place in range(8) for name in ("high", "low")]
    (tmp_path / "set.csv").write_text("\n".join(["file,class,take", "high/lost.wav,high,9", *names]))
    params = {"sounds": "file", "folder": str(tmp_path / "clips"), "target": "class"}
    spec = source("AudioTable", tmp_path / "set.csv", **params)
    found = data.report(spec, HERE)
    assert not found.problems
    assert found.columns["file"].kind == "audio"
    assert found.samples[0]["class"] == "high"
    assert found.samples[0]["file"]["seconds"] == 0.1
    assert "1 sound is left out" in found.notes[0]
    assert "lost.wav does not exist" in found.notes[0]
    dataset = data.prepare(spec, HERE, ["file", "class", "take"])
    assert sum(map(len, (each["file"] for each in dataset.splits.values()))) == 16
    missing = edit.set_setting(spec, "data.source.params.sounds", "fil")
    assert refusal(missing)[0] == "The table has no column 'fil' of paths (did you mean 'file'?); set sounds."


# ------------------------------------------------------------------------------------------------------- the graph


def classifier(spec: Spec) -> Spec:
    """Frames of a spectrum -> Conv1d -> mean over time -> Linear."""
    columns = data.report(spec, HERE).columns
    for name in ("audio", "label"):
        spec = edit.bind(edit.add(spec, "Input"), edit.new_id(spec, "Input"), columns[name])
    spec = edit.add(spec, "Conv1d", params={"out_channels": 8, "kernel_size": 3}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Mean", params={"dim": 2}, inputs={"input": "conv1d_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 2}, inputs={"input": "mean_1"})
    spec = edit.add(spec, "CrossEntropyLoss", inputs={"input": "linear_1", "target": "input_2"})
    spec = edit.add(spec, "Output", params={"name": "class"}, inputs={"input": "linear_1"})
    spec = edit.set_decode(spec, "output_1", {"op": "Argmax", "params": {}})
    spec = edit.set_setting(spec, "training.optimizers", [{"name": "main", "op": "Adam", "params": {"lr": 0.02}}])
    return edit.set_setting(spec, "training.epochs", 12)


def test_a_network_of_sounds_trains_and_answers_raw_files(tmp_path: Path) -> None:
    mel = ("MelSpectrogram", {"n_fft": 256, "hop_length": 80, "n_mels": 20})
    spec = steps(source("AudioFolder", tones(tmp_path / "set")), "audio", ("Resample", {"rate": RATE}), "Mono", mel)
    run = Run(tmp_path / "run")
    last = list(train(classifier(spec), HERE, run))[-1]
    assert getattr(last, "test", {}).get("accuracy") == 1.0
    new = write(tmp_path / "new" / "a.wav", tone(2050, rate=16000, channels=2), 16000)
    assert list(predict(run, new)) == [{"class": "high"}]
    write(tmp_path / "new" / "b.flac", tone(310, 0.4))
    assert list(predict(run, new.parent)) == [{"class": "high"}, {"class": "low"}]
    assert list(predict(run, [{"audio": str(new)}])) == [{"class": "high"}]
    with pytest.raises(Mistake, match=r"Sample 1: .*lost\.wav does not exist"):
        list(predict(run, [{"audio": "lost.wav"}]))
    with pytest.raises(Mistake, match="Sample 1: audio is '7'; it must be the path of a sound"):
        list(predict(run, [{"audio": 7}]))


def test_a_rate_that_no_step_mends_is_refused(tmp_path: Path) -> None:
    spec = steps(source("AudioFolder", tones(tmp_path)), "audio", ("TrimPad", {"seconds": 0.1}))
    state = data.prepare(spec, HERE).state
    other = write(tmp_path / "other.wav", tone(300, rate=16000), 16000)
    with pytest.raises(Mistake, match=r"other\.wav has 16,000 samples a second, and the model takes 8,000"):
        data.read_rows(state, [{"audio": str(other)}], ["audio"])
    stereo = write(tmp_path / "stereo.wav", tone(300, channels=2))
    with pytest.raises(Mistake, match=r"stereo\.wav has 2 channels, and the model takes 1"):
        data.read_rows(state, [{"audio": str(stereo)}], ["audio"])


def test_the_spoken_digits_open_preview_and_batch(data_folder: Callable[[str], Path]) -> None:
    spec = source("AudioFolder", data_folder("speech_fsdd"), test="*_[0-4].wav")
    spec = steps(spec, "audio", "Mono", ("MelSpectrogram", {"n_fft": 256, "hop_length": 80}))
    found = data.report(spec, HERE)
    assert not found.problems
    assert found.columns["label"].classes == tuple("0123456789")
    assert found.columns["audio"].shape == (40, "T")
    dataset = data.prepare(spec, HERE)
    assert {part: len(each["audio"]) for part, each in dataset.splits.items()} == {
        "train": 1620,
        "validation": 180,
        "test": 300,
    }
    batch = next(data.batches(dataset.splits["train"], 32))
    assert batch[0].shape[:2] == (32, 40)
