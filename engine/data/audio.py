"""Sounds as numbers: files decoded, brought to one rate and length, and turned into frames of a spectrum."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from engine.columns import Column
from engine.data.ragged import Array, Flat, Ragged, flat
from engine.modules import signal
from engine.ops.source import Step
from engine.ops.source_audio import MFCC, MelSpectrogram, Resample, Spectrogram, TrimPad
from engine.problem import Fix, Mistake

Fitted = Mapping[str, Any]

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".au", ".caf", ".w64"})
THREADS = min(8, os.cpu_count() or 1)
FRAMES = (Spectrogram, MelSpectrogram, MFCC)
SHOWN = 3  # faults that a note tells
PEAKS = 64  # of a sound's outline that are shown
MIXED = "C"  # names how many channels sounds have that differ in it


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound: its samples from -1 to 1 as (time, channels), and how many of them there are a second."""

    samples: Array
    rate: int


def audio_column(name: str, channels: int | str, rate: int, common: int, size: str = "T") -> Column:
    """A column of sounds; `rate` is 0 where they differ in it, `common` the most common, `size` names their length."""
    default = ({"op": "Resample", "params": {"rate": common}}, {"op": "Mono", "params": {}})
    return Column(name, "audio", (channels, size), "float32", default=default, ports="samples, length", rate=rate)


# --------------------------------------------------------------------------------------------------------- decoding


def decode(path: Path | Sound) -> Sound:
    """Read a sound file; raises Mistake with its path where that fails. A sound that is in memory stays as it is."""
    import soundfile  # used here alone

    if isinstance(path, Sound):
        return path
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, ValueError, TypeError) as error:
        raise Mistake(f"{path} {_fault(path, error)}.") from None
    if not len(samples):
        raise Mistake(f"{path} holds no sound: it has a length of 0.")
    if not np.isfinite(samples).all():
        raise Mistake(f"{path} holds numbers that are not finite.")
    return Sound(samples, int(rate))


def _fault(path: Path, error: Exception) -> str:
    if not path.exists():
        return "does not exist"
    words = str(error).rpartition(": ")[2].rstrip(".") or type(error).__name__
    return f"cannot be decoded ({words})"


def facts(path: Path) -> tuple[int, int, int]:
    """Frames, rate and channels of a sound file by its head; raises Mistake where it has none."""
    import soundfile  # used here alone

    try:
        info = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError, ValueError, TypeError) as error:
        raise Mistake(f"{path} {_fault(path, error)}.") from None
    if info.frames <= 0:
        raise Mistake(f"{path} holds no sound: it has a length of 0.")
    return int(info.frames), int(info.samplerate), int(info.channels)


def faulty(messages: Sequence[str]) -> tuple[str, ...]:
    """A note that sounds were left out, and why the first ones were."""
    if not messages:
        return ()
    words = "; ".join(message.rstrip(".") for message in messages[:SHOWN]) + "; ..." * (len(messages) > SHOWN)
    count = len(messages)
    return (f"{count:,} sound{'s are' if count > 1 else ' is'} left out: {words}.",)


def thumbnail(sound: Sound) -> dict[str, Any]:
    """A sound as JSON for people: seconds, rate, channels, and the outline of its wave from 0 to 1."""
    loudness = np.abs(sound.samples).max(axis=1)
    parts = np.array_split(loudness, min(PEAKS, len(loudness)))
    return {
        "seconds": round(len(sound.samples) / sound.rate, 3),
        "rate": sound.rate,
        "channels": sound.samples.shape[1],
        "peaks": [round(float(part.max()), 3) for part in parts],
    }


# ------------------------------------------------------------------------------------------------------- planning


def after(column: Column, steps: Sequence[Step]) -> Column:
    """The column as it leaves its steps; raises Mistake where they do not go together."""
    where = f"data.columns.{column.name}.steps"
    _refuse_order(column.name, steps, where)
    names = [type(step).__name__ for step in steps]
    if "Resample" not in names and not column.rate:
        raise _lacking(column, steps, "sampling rates", "Resample", where)
    if "Mono" not in names and column.shape[0] == MIXED:
        raise _lacking(column, steps, "numbers of channels", "Mono", where)
    rate, channels, width = column.rate, column.shape[0], None
    for step in steps:
        if isinstance(step, Resample):
            rate, width = step.rate, _resampled(width, rate, step.rate)
        elif isinstance(step, TrimPad):
            width = round(step.seconds * rate)
    last = steps[-1] if steps else None
    bands, size = _bands(last), column.shape[-1]
    if bands and "Mono" not in names and channels != 1:
        words = f"{names[-1]} on {column.name} takes one channel, and the sounds have {channels}; put Mono before it."
        raise Mistake(words, param=where)
    if width is not None:
        size = 1 + max(width, last.n_fft) // last.hop_length if isinstance(last, FRAMES) else width
    before = (bands,) if bands else () if "Mono" in names or channels == 1 else (channels,)
    ports = "frames, length" if bands else "samples, length"
    return replace(column, shape=(*before, size), rate=rate, ports=ports, low=None, high=None, steps=tuple(names))


def _resampled(width: int | None, rate: int, to: int) -> int | None:
    return None if width is None else -(-width * to // rate)


def _refuse_order(name: str, steps: Sequence[Step], where: str) -> None:
    """Raise Mistake where something follows the frames of a spectrum."""
    for place, step in enumerate(steps[:-1]):
        if isinstance(step, FRAMES):
            words = f"{type(step).__name__} on {name} makes frames, and {type(steps[place + 1]).__name__} takes sound"
            raise Mistake(f"{words}; put it last.", param=f"{where}.{place}")


def _lacking(column: Column, steps: Sequence[Step], what: str, op: str, where: str) -> Mistake:
    """The Mistake for sounds that differ where no step makes them alike, with the fix that puts the step first."""
    own = next((each for each in column.default if each["op"] == op), {"op": op, "params": {}})
    listed = [{"op": type(step).__name__, "params": params_of(step)} for step in steps]
    fix = Fix(f"Add {op}", "set_setting", {"path": where, "value": [dict(own), *listed]})
    return Mistake(f"The sounds of {column.name} have different {what}; add {op}.", param=where, fixes=(fix,))


def _bands(step: Step | None) -> int:
    """How many numbers each frame has, 0 where a step makes none."""
    match step:
        case Spectrogram():
            return step.n_fft // 2 + 1
        case MelSpectrogram():
            return step.n_mels
        case MFCC():
            if step.n_mfcc > step.n_mels:
                words = f"n_mfcc is {step.n_mfcc}; it must be at most n_mels ({step.n_mels})."
                raise Mistake(words, param="data.columns")
            return step.n_mfcc
    return 0


def params_of(step: Step) -> dict[str, Any]:
    """The params of a step by name."""
    return {name: getattr(step, name) for name in step.params()}


def fit(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """The steps as they are kept with the model; they learn nothing."""
    return [{"op": type(step).__name__, "params": params_of(step), "state": {}} for step in steps]


# -------------------------------------------------------------------------------------------------------- applying


def applied(fitted: Sequence[Fitted], sound: Sound) -> Array:
    """A sound after the steps, time along the first axis: (time) or (time, channels or bands)."""
    samples, rate = sound.samples, sound.rate
    for step in fitted:
        params = step["params"]
        match step["op"]:
            case "Mono":
                samples = samples.mean(axis=1, keepdims=True)
            case "Resample":
                samples, rate = _at_rate(samples, rate, params["rate"]), params["rate"]
            case "TrimPad":
                samples = _of_length(samples, round(params["seconds"] * rate))
            case _:
                return _frames(step, samples, rate)
    return np.ascontiguousarray(samples[:, 0] if samples.shape[1] == 1 else samples, np.float32)


def _at_rate(samples: Array, rate: int, to: int) -> Array:
    from scipy.signal import resample_poly  # takes a moment to import

    common = math.gcd(rate, to)
    return samples if rate == to else resample_poly(samples, to // common, rate // common, axis=0).astype(np.float32)


def _of_length(samples: Array, length: int) -> Array:
    cut = samples[:length]
    return np.pad(cut, ((0, length - len(cut)), (0, 0)))


def _frames(step: Fitted, samples: Array, rate: int) -> Array:
    """The frames of one channel: (frames, bands); a sound shorter than a frame is filled up with silence."""
    whole = _of_length(samples, max(len(samples), step["params"]["n_fft"]))
    module = _module(step["op"], tuple(sorted(step["params"].items())), rate)
    with torch.inference_mode():
        found: Array = module(torch.from_numpy(np.ascontiguousarray(whole[:, 0], np.float32))).numpy()
    if step["op"] == "Spectrogram" and step["params"]["log"]:
        found = np.log(np.maximum(found, 1e-10))
    return np.ascontiguousarray(found.T)


@functools.lru_cache(maxsize=8)
def _module(op: str, params: tuple[tuple[str, Any], ...], rate: int) -> nn.Module:
    """The op of the graph that computes the frames."""
    settings = dict(params)
    if op == "Spectrogram":
        del settings["log"]
        return signal.Spectrogram(**settings)
    return (
        signal.MelSpectrogram(rate, **settings) if op == "MelSpectrogram" else signal.MFCC(sample_rate=rate, **settings)
    )


def load(
    fitted: Sequence[Fitted], paths: Sequence[Path | Sound], *, rate: int = 0, channels: int | None = None
) -> tuple[Flat, list[tuple[int, str]]]:
    """Decode files in several threads and apply the steps; also returns places and faults of those that failed.

    A file that fails is a sound of no length. Where no step brings sounds to one rate, they must have `rate`, and
    `channels` where that is given.
    """
    resampled = any(step["op"] == "Resample" for step in fitted)

    def work(path: Path | Sound) -> Array | str:
        try:
            sound = decode(path)
            if not resampled and rate not in (0, sound.rate):
                return f"{path} has {sound.rate:,} samples a second, and the model takes {rate:,}; resample it."
            if channels not in (None, sound.samples.shape[1]):
                return f"{path} has {sound.samples.shape[1]} channels, and the model takes {channels}."
            return applied(fitted, sound)
        except Mistake as mistake:
            return mistake.message

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(work, paths))
    faults = [(place, each) for place, each in enumerate(found) if isinstance(each, str)]
    whole = next((each for each in found if not isinstance(each, str)), np.empty(0, np.float32))
    return flat([whole[:0] if isinstance(each, str) else each for each in found], whole[:0]), faults


def tensors(fitted: Sequence[Fitted], shape: Sequence[int | str], sounds: Flat) -> Ragged:
    """Sounds ready to be gathered in batches, silence filling them up."""
    quiet = _silence(fitted)
    width = shape[-1] if isinstance(shape[-1], int) else None
    return Ragged.of(sounds, fill=quiet, axis=len(shape) - 1, width=width)


def _silence(fitted: Sequence[Fitted]) -> float:
    """What silence is after the steps: no power, which has a lowest logarithm."""
    last = fitted[-1] if fitted else None
    return math.log(1e-10) if last is not None and last["params"].get("log") else 0.0
