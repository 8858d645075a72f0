"""Cases of signals: NumPy and SciPy, frame by frame in double precision."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from scipy import fft, signal
from torch import Tensor

from tests.engine.catalogue.case import Case

Array = Any


def window_of(shape: str, length: int) -> Array:
    return np.ones(length) if shape == "rectangular" else signal.get_window(shape, length, fftbins=True)


def spectrum(
    input: Tensor, n_fft: int = 400, hop: int = 100, win: int | None = None, shape: str = "hann", center: bool = True
) -> Array:
    """The Fourier transform of each frame, F T."""
    samples = input.double().numpy()
    if center:
        samples = np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(n_fft // 2, n_fft // 2)], mode="reflect")
    win = win or n_fft
    before = (n_fft - win) // 2
    window = np.pad(window_of(shape, win), (before, n_fft - win - before))
    starts = range(0, samples.shape[-1] - n_fft + 1, hop)
    return np.stack([np.fft.rfft(samples[..., start : start + n_fft] * window) for start in starts], -1)


def put_together(input: Tensor, n_fft: int, hop: int, shape: str = "hann") -> Array:
    """Overlap-add of windowed frames, divided by the windows' squares."""
    frames = np.fft.irfft(input.to(torch.complex128).numpy(), n_fft, axis=-2)
    window = window_of(shape, n_fft)
    length = n_fft + hop * (frames.shape[-1] - 1)
    total, weight = np.zeros((*frames.shape[:-2], length)), np.zeros(length)
    for place in range(frames.shape[-1]):
        part = slice(place * hop, place * hop + n_fft)
        total[..., part] += frames[..., place] * window
        weight[part] += window**2
    middle = slice(n_fft // 2, length - n_fft // 2)
    return total[..., middle] / weight[middle]


def mels(
    power: Array, n_mels: int, rate: int, low: float = 0.0, high: float | None = None, slaney: bool = False
) -> Array:
    """Gather F T into triangles whose corners are even on the mel scale."""

    def mel(hertz: float) -> float:
        if not slaney:
            return 2595 * math.log10(1 + hertz / 700)
        return hertz / (200 / 3) if hertz < 1000 else 15 + math.log(hertz / 1000) / (math.log(6.4) / 27)

    def hertz(place: float) -> float:
        if not slaney:
            return 700 * (10 ** (place / 2595) - 1)
        return place * 200 / 3 if place < 15 else 1000 * math.exp((place - 15) * math.log(6.4) / 27)

    frequencies = np.linspace(0, rate / 2, power.shape[-2])
    corners = [hertz(each) for each in np.linspace(mel(low), mel(high or rate / 2), n_mels + 2)]
    bands = []
    for one, two, three in zip(corners, corners[1:], corners[2:], strict=False):
        weights = np.interp(frequencies, [one, two, three], [0, 1, 0])
        bands.append(np.tensordot(weights * (2 / (three - one) if slaney else 1), power, (0, power.ndim - 2)))
    return np.stack(bands, -2)


def single(array: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(
        torch.complex64 if np.iscomplexobj(array) else torch.float32
    )


def cepstra(input: Tensor, count: int, n_mels: int, n_fft: int = 400, hop: int = 100) -> Tensor:
    level = 10 * np.log10(np.maximum(mels(np.abs(spectrum(input, n_fft, hop)) ** 2, n_mels, 16000), 1e-10))
    level = np.maximum(level, level.max((-2, -1), keepdims=True) - 80)
    return single(fft.dct(level, axis=-2, norm="ortho")[..., :count, :])


def decibels(input: Tensor, factor: float, below: float | None) -> Tensor:
    level = factor * input.clamp(min=1e-10).log10()
    if below is None:
        return level
    return torch.stack([torch.maximum(each, each.max() - below) for each in level])


def transformed(function: Any, input: Tensor, **settings: Any) -> Tensor:
    """NumPy's transform of double numbers, in single precision."""
    return single(function(input.to(torch.complex128 if input.is_complex() else torch.float64).numpy(), **settings))


CASES = [
    Case("STFT", call=lambda input: single(spectrum(input)), tolerance=1e-4),
    Case(
        "STFT",
        call=lambda input: single(spectrum(input, 64, 20, 50, "hamming", False)),
        tolerance=1e-4,
        params={"n_fft": 64, "hop_length": 20, "win_length": 50, "window": "hamming", "center": False},
    ),
    Case(
        "STFT",
        call=lambda input: single(spectrum(input, 64, 16, shape="blackman") / 8),
        tolerance=1e-4,
        params={"n_fft": 64, "window": "blackman", "normalized": True},
        inputs={"input": "float32 2 3 99"},
    ),
    Case("ISTFT", call=lambda input: single(put_together(input, 400, 100)), tolerance=1e-4),
    Case(
        "ISTFT",
        call=lambda input: single(put_together(input, 16, 4, "rectangular"))[..., :30],
        tolerance=1e-4,
        params={"n_fft": 16, "hop_length": 4, "window": "rectangular", "length": 30},
        inputs={"input": "complex64 2 2 9 12"},
    ),
    Case(
        "ISTFT",
        call=lambda input: single(put_together(input, 16, 8, "hamming")) * 4,
        tolerance=1e-4,
        params={"n_fft": 16, "hop_length": 8, "window": "hamming", "normalized": True},
        inputs={"input": "complex64 2 9 6"},
    ),
    Case("Spectrogram", call=lambda input: single(np.abs(spectrum(input)) ** 2), tolerance=1e-3),
    Case(
        "Spectrogram",
        call=lambda input: single(np.abs(spectrum(input, 32, 10, shape="rectangular"))),
        tolerance=1e-4,
        params={"n_fft": 32, "hop_length": 10, "power": 1, "window": "rectangular"},
    ),
    Case("MelSpectrogram", call=lambda input: single(mels(np.abs(spectrum(input)) ** 2, 64, 16000)), tolerance=1e-3),
    Case(
        "MelSpectrogram",
        tolerance=1e-3,
        params={
            "sample_rate": 22050,
            "n_fft": 512,
            "hop_length": 128,
            "n_mels": 40,
            "f_min": 50,
            "f_max": 8000,
            "mel_scale": "slaney",
            "norm": "slaney",
            "log": True,
        },
        call=lambda input: single(np.log(mels(np.abs(spectrum(input, 512, 128)) ** 2, 40, 22050, 50, 8000, True))),
    ),
    Case("MFCC", call=lambda input: cepstra(input, 40, 64), tolerance=1e-3),
    Case(
        "MFCC",
        call=lambda input: cepstra(input, 13, 20, 256, 64),
        params={"n_mfcc": 13, "n_mels": 20, "n_fft": 256},
        tolerance=1e-3,
    ),
    Case("PreEmphasis", call=lambda input: single(signal.lfilter([1, -0.97], [1], input.numpy())), tolerance=1e-6),
    Case(
        "PreEmphasis",
        call=lambda input: single(signal.lfilter([1, -0.5], [1], input.numpy())),
        params={"coefficient": 0.5},
        tolerance=1e-6,
    ),
    Case("Decibels", call=lambda input: decibels(input, 10, 80)),
    Case("Decibels", call=lambda input: decibels(input, 20, 3), params={"of": "magnitude", "top_db": 3}),
    Case("Decibels", call=lambda input: decibels(input.clamp(min=1), 10, None), params={"amin": 1, "top_db": None}),
    Case("FFT", call=lambda input: transformed(np.fft.fft, input), tolerance=1e-5),
    Case(
        "FFT",
        call=lambda input: transformed(np.fft.fft2, input, norm="ortho"),
        params={"dim": [-2, -1], "norm": "ortho"},
        inputs={"input": "float32 2 3 5"},
        tolerance=1e-5,
    ),
    Case("IFFT", call=lambda input: transformed(np.fft.ifft, input), tolerance=1e-5),
    Case("IFFT", call=lambda input: transformed(np.fft.ifftn, input), params={"dim": None}, tolerance=1e-5),
    Case("RFFT", call=lambda input: transformed(np.fft.rfft, input), tolerance=1e-5),
    Case(
        "RFFT",
        call=lambda input: transformed(np.fft.rfftn, input, axes=(0, 1), norm="forward"),
        params={"dim": [0, 1], "norm": "forward"},
        tolerance=1e-5,
    ),
    Case("IRFFT", call=lambda input: transformed(np.fft.irfft, input), tolerance=1e-5),
    Case(
        "IRFFT",
        call=lambda input: transformed(np.fft.irfft2, input),
        params={"dim": [-2, -1]},
        inputs={"input": "complex64 2 4 5"},
        tolerance=1e-5,
    ),
]
