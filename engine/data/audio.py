"""Sounds as numbers: files decoded, brought to one rate and length, and turned into frames of a spectrum."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import get_worker_info

from engine.columns import Column
from engine.data import store
from engine.data.archivecache import as_given
from engine.data.keys import Keys, generator
from engine.data.ragged import Array, Flat, Ragged, bounds, flat
from engine.data.stored import File, opened
from engine.declare import show_value
from engine.modules import signal
from engine.ops.source_audio import (
    MFCC,
    MaskFrames,
    MelSpectrogram,
    RandomNoise,
    Resample,
    Spectrogram,
    TrimPad,
)
from engine.ops.steps import Step
from engine.problem import Fix, Mistake

Fitted = Mapping[str, Any]

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".au", ".caf", ".w64"})
THREADS = min(8, os.cpu_count() or 1)
FRAMES = (Spectrogram, MelSpectrogram, MFCC)
RANDOM = frozenset(name for name, step in Step.registry.items() if step.random)
LATE = RANDOM | {each.__name__ for each in FRAMES}  # steps that are not done once where random ones are among them
AT_ONCE = 256  # sounds that are decoded before they are written down
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


def decode(path: File | Sound) -> Sound:
    """Read a sound file; raises Mistake with its path where that fails. A sound that is in memory stays as it is."""
    import soundfile  # used here alone

    if isinstance(path, Sound):
        return path
    try:
        samples, rate = soundfile.read(opened(path), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, ValueError, TypeError) as error:
        raise refused(path, _fault(path, error)) from None
    if not len(samples):
        raise refused(path, "holds no sound: it has a length of 0")
    if not np.isfinite(samples).all():
        raise refused(path, "holds numbers that are not finite")
    return Sound(samples, int(rate))


def refused(path: File, words: str) -> Mistake:
    """The Mistake for a sound that is of no use, named as its user knows it."""
    return Mistake(as_given(f"{path} {words}."))


def _fault(path: File, error: Exception) -> str:
    if isinstance(path, Path) and not path.exists():
        return "does not exist"
    words = str(error).rpartition(": ")[2].rstrip(".") or type(error).__name__
    return f"cannot be decoded ({words})"


def facts(path: File) -> tuple[int, int, int]:
    """Frames, rate and channels of a sound file by its head; raises Mistake where it has none."""
    import soundfile  # used here alone

    try:
        info = soundfile.info(opened(path))
    except (soundfile.SoundFileError, OSError, ValueError, TypeError) as error:
        raise refused(path, _fault(path, error)) from None
    if info.frames <= 0:
        raise refused(path, "holds no sound: it has a length of 0")
    return int(info.frames), int(info.samplerate), int(info.channels)


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
    last = next((step for step in steps if isinstance(step, FRAMES)), None)
    bands, size = _bands(last), column.shape[-1]
    if bands and "Mono" not in names and channels != 1:
        words = f"{type(last).__name__} on {column.name} takes one channel, and the sounds have {channels}"
        raise Mistake(f"{words}; put Mono before it.", param=where)
    if width is not None:
        size = 1 + max(width, last.n_fft) // last.hop_length if last is not None else width
    before = (bands,) if bands else () if "Mono" in names or channels == 1 else (channels,)
    ports = "frames, length" if bands else "samples, length"
    return replace(column, shape=(*before, size), rate=rate, ports=ports, low=None, high=None, steps=tuple(names))


def _resampled(width: int | None, rate: int, to: int) -> int | None:
    return None if width is None else -(-width * to // rate)


def _refuse_order(name: str, steps: Sequence[Step], where: str) -> None:
    """Raise Mistake where a step takes sound and frames come before it, or the other way round."""
    frames = ""
    for place, step in enumerate(steps):
        own = type(step).__name__
        if isinstance(step, MaskFrames) and not frames:
            words = f"{own} on {name} covers parts of frames, and no step before it makes them; put it last"
            raise Mistake(f"{words}, after MelSpectrogram or its like.", param=f"{where}.{place}")
        if frames and not isinstance(step, MaskFrames):
            words = f"{frames} on {name} makes frames, and {own} takes sound; put it last."
            raise Mistake(words, param=f"{where}.{place}")
        if isinstance(step, RandomNoise) and step.ratio[0] > step.ratio[1]:
            words = f"{own} on {name} has the ratio {show_value(step.ratio)}; the least comes first."
            raise Mistake(words, param=f"{where}.{place}.params.ratio")
        frames = own if isinstance(step, FRAMES) else frames


def _lacking(column: Column, steps: Sequence[Step], what: str, op: str, where: str) -> Mistake:
    """The Mistake for sounds that differ where no step makes them alike, with the fix that puts the step first."""
    own = next((each for each in column.default if each["op"] == op), {"op": op, "params": {}})
    listed = [step.written() for step in steps]
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


def fit(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """The steps as they are kept with the model; they learn nothing; random ones draw by their place."""
    return [{**step.written(), "state": {"stream": place} if step.random else {}} for place, step in enumerate(steps)]


# -------------------------------------------------------------------------------------------------------- applying


def applied(fitted: Sequence[Fitted], sound: Sound, keys: Keys | None = None, place: int = 0) -> Array:
    """A sound after the steps, time along the first axis: (time) or (time, channels or bands).

    Random steps draw from the key at a place; without keys they rest.
    """
    samples, rate = sound.samples, sound.rate
    frames: Array | None = None
    for step in fitted:
        params = step["params"]
        match step["op"]:
            case "Mono":
                samples = samples.mean(axis=1, keepdims=True)
            case "Resample":
                samples, rate = _at_rate(samples, rate, params["rate"]), params["rate"]
            case "TrimPad":
                samples = _of_length(samples, round(params["seconds"] * rate))
            case "RandomGain" | "RandomShift" | "RandomNoise":
                if keys is not None:
                    samples = _varied(step, samples, rate, generator(keys, place, step["state"]["stream"]))
            case "MaskFrames":
                if keys is not None and frames is not None:
                    frames = _masked(params, frames, generator(keys, place, step["state"]["stream"]))
            case _:
                frames = _frames(step, samples, rate)
    if frames is not None:
        return frames
    return np.ascontiguousarray(samples[:, 0] if samples.shape[1] == 1 else samples, np.float32)


def _varied(step: Fitted, samples: Array, rate: int, random: np.random.Generator) -> Array:
    """A sound, (time, channels), changed by a random step."""
    params, found = step["params"], samples
    match step["op"]:
        case "RandomGain":
            found = samples * np.float32(10 ** (random.uniform(-params["decibels"], params["decibels"]) / 20))
        case "RandomShift":
            found = _moved(samples, round(random.uniform(-params["seconds"], params["seconds"]) * rate))
        case "RandomNoise":
            ratio = 10 ** (random.uniform(*params["ratio"]) / 10)
            deviation = math.sqrt(float(np.square(samples, dtype=np.float64).mean()) / ratio)
            found = samples + np.float32(deviation) * random.standard_normal(samples.shape, np.float32)
    return found


def _moved(samples: Array, by: int) -> Array:
    """A sound that comes later, or earlier where `by` is negative; it keeps its length."""
    found = np.zeros_like(samples)
    length = max(0, len(samples) - abs(by))
    found[max(0, by) : max(0, by) + length] = samples[max(0, -by) : max(0, -by) + length]
    return found


def _masked(params: Mapping[str, Any], frames: Array, random: np.random.Generator) -> Array:
    """Frames (time, bands) with random stretches of time and of bands at the mean of all."""
    found, mean = frames.copy(), frames.mean()
    for _ in range(params["count"]):
        found[_stretch(len(frames), params["frames"], random)] = mean
        found[:, _stretch(frames.shape[1], params["bands"], random)] = mean
    return found


def _stretch(size: int, most: int, random: np.random.Generator) -> slice:
    length = int(random.integers(0, min(size, most) + 1))
    start = int(random.integers(0, size - length + 1))
    return slice(start, start + length)


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
    fitted: Sequence[Fitted],
    paths: Sequence[File | Sound],
    *,
    rate: int = 0,
    channels: int | None = None,
    keys: Keys | None = None,
) -> tuple[Flat, list[tuple[int, str]]]:
    """Decode files in several threads and apply the steps; also returns places and faults of those that failed.

    A file that fails is a sound of no length. Where no step brings sounds to one rate, they must have `rate`, and
    `channels` where that is given. Random steps draw from the keys, one for each path.
    """
    resampled = any(step["op"] == "Resample" for step in fitted)

    def work(place: int, path: File | Sound) -> Array | str:
        try:
            sound = decode(path)
            if not resampled and rate not in (0, sound.rate):
                return f"{path} has {sound.rate:,} samples a second, and the model takes {rate:,}; resample it."
            if channels not in (None, sound.samples.shape[1]):
                return f"{path} has {sound.samples.shape[1]} channels, and the model takes {channels}."
            return applied(fitted, sound, keys, place)
        except Mistake as mistake:
            return mistake.message

    with ThreadPoolExecutor(1 if get_worker_info() is not None else THREADS) as pool:
        found = list(pool.map(work, range(len(paths)), paths))
    faults = [(place, each) for place, each in enumerate(found) if isinstance(each, str)]
    whole = next((each for each in found if not isinstance(each, str)), np.empty(0, np.float32))
    return flat([whole[:0] if isinstance(each, str) else each for each in found], whole[:0]), faults


def kept_steps(fitted: Sequence[Fitted], column: Column) -> int | None:
    """How many of the steps are done once, where random ones follow: those before them, and before frames.

    None, where they would leave sounds that differ in rate or in channels.
    """
    places = [place for place, step in enumerate(fitted) if step["op"] in LATE]
    first = places[0] if places else len(fitted)
    done = {step["op"] for step in fitted[:first]}
    alike = (column.rate or "Resample" in done) and (column.shape[0] != MIXED or "Mono" in done)
    return first if alike else None


def rate_after(rate: int, fitted: Sequence[Fitted]) -> int:
    """The samples a second after some steps."""
    return next((int(step["params"]["rate"]) for step in reversed(fitted) if step["op"] == "Resample"), rate)


def finished(fitted: Sequence[Fitted], rate: int, sounds: Flat, places: Array, keys: Keys | None) -> Flat:
    """Apply the steps to sounds that are in memory, at some places; random steps draw from the keys."""
    found = []
    for number, place in enumerate(places.tolist()):
        samples = sounds[place]
        found.append(applied(fitted, Sound(samples.reshape(len(samples), -1), rate), keys, number))
    return flat(found, found[0][:0])


def stored(
    key: str, fitted: Sequence[Fitted], paths: Sequence[File | Sound], needed: int
) -> tuple[Flat, list[tuple[int, str]]]:
    """The same sounds in a file on the disk, mapped into memory; they are decoded where it is not there yet.

    `needed` are about as many bytes as they take. The values end with one more, that of silence.
    """
    counts: list[int] = []
    faults: list[tuple[int, str]] = []

    def blocks() -> Iterator[Array]:
        whole = np.empty(0, np.float32)
        for start in range(0, len(paths), AT_ONCE):
            some, failed = load(fitted, paths[start : start + AT_ONCE])
            counts.extend(some.lengths.tolist())
            faults.extend((start + place, words) for place, words in failed)
            if len(some.values):
                whole = some.values
                yield whole
        yield np.full((1, *whole.shape[1:]), silence(fitted), whole.dtype)  # which fills batches up

    values, (lengths, failed) = store.stored(key, blocks, needed, lambda: (counts, faults))
    return Flat(values, bounds(np.array(lengths, np.int64))), [(place, words) for place, words in failed]


def tensors(fitted: Sequence[Fitted], shape: Sequence[int | str], sounds: Flat) -> Ragged:
    """Sounds ready to be gathered in batches, silence filling them up."""
    quiet = silence(fitted)
    width = shape[-1] if isinstance(shape[-1], int) else None
    return Ragged.of(sounds, fill=quiet, axis=len(shape) - 1, width=width)


def silence(fitted: Sequence[Fitted]) -> float:
    """What silence is after the steps: no power, which has a lowest logarithm."""
    return math.log(1e-10) if any(step["params"].get("log") for step in fitted) else 0.0
