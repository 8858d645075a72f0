"""Sound and other signals: spectra, mel bands, cepstra, decibels."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def window_of(shape: str, length: int) -> Tensor:
    """Give a window: "hann", "hamming", "blackman" or "rectangular"."""
    if shape == "rectangular":
        return torch.ones(length)
    if shape == "hamming":
        return torch.hamming_window(length)
    return torch.blackman_window(length) if shape == "blackman" else torch.hann_window(length)


class STFT(nn.Module):
    """Short-time Fourier transform: the spectrum of each of many overlapping frames, ... L to complex ... F T."""

    window: Tensor

    def __init__(
        self,
        n_fft: int = 400,
        hop_length: int | None = None,
        win_length: int | None = None,
        window: str = "hann",
        center: bool = True,
        normalized: bool = False,
    ) -> None:
        super().__init__()
        self.n_fft, self.center, self.normalized = n_fft, center, normalized
        self.win_length = win_length or n_fft
        self.hop_length = hop_length or n_fft // 4
        self.register_buffer("window", window_of(window, self.win_length), persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        spectrum = torch.stft(
            input.reshape(-1, input.shape[-1]),
            self.n_fft,
            self.hop_length,
            self.win_length,
            self.window,
            center=self.center,
            normalized=self.normalized,
            return_complex=True,
        )
        return spectrum.reshape(*input.shape[:-1], *spectrum.shape[-2:])


class ISTFT(nn.Module):
    """The signal ... L of a centred short-time Fourier transform ... F T."""

    window: Tensor

    def __init__(
        self,
        n_fft: int = 400,
        hop_length: int | None = None,
        win_length: int | None = None,
        window: str = "hann",
        normalized: bool = False,
        length: int | None = None,
    ) -> None:
        super().__init__()
        self.n_fft, self.normalized, self.length = n_fft, normalized, length
        self.win_length = win_length or n_fft
        self.hop_length = hop_length or n_fft // 4
        self.register_buffer("window", window_of(window, self.win_length), persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        signal = torch.istft(
            input.reshape(-1, *input.shape[-2:]),
            self.n_fft,
            self.hop_length,
            self.win_length,
            self.window,
            normalized=self.normalized,
            length=self.length,
        )
        return signal.reshape(*input.shape[:-2], -1)


class Spectrogram(nn.Module):
    """The magnitude of each frequency in each frame, to a power: ... L to ... F T."""

    def __init__(
        self,
        n_fft: int = 400,
        hop_length: int | None = None,
        win_length: int | None = None,
        window: str = "hann",
        center: bool = True,
        power: float = 2.0,
    ) -> None:
        super().__init__()
        self.stft = STFT(n_fft, hop_length, win_length, window, center)
        self.power = power

    def forward(self, input: Tensor) -> Tensor:
        magnitude: Tensor = self.stft(input).abs()
        return magnitude if self.power == 1 else magnitude**self.power


def mel_of(hertz: Tensor, scale: str) -> Tensor:
    """Turn frequencies into mels: by O'Shaughnessy's formula ("htk"), or linear below 1 kHz ("slaney")."""
    if scale == "htk":
        return 2595 * torch.log10(1 + hertz / 700)
    above = 15 + 27 * torch.log(hertz.clamp(min=1000) / 1000) / math.log(6.4)
    return torch.where(hertz < 1000, hertz * 3 / 200, above)


def hertz_of(mel: Tensor, scale: str) -> Tensor:
    """Turn mels into frequencies."""
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    above = 1000 * torch.exp((mel.clamp(min=15) - 15) * math.log(6.4) / 27)
    return torch.where(mel < 15, mel * 200 / 3, above)


def mel_filters(
    n_fft: int, n_mels: int, sample_rate: int, f_min: float, f_max: float, scale: str, norm: str | None
) -> Tensor:
    """Give triangles that gather frequencies into bands of equal width in mels: bands F.

    With the norm "slaney" each triangle has the area 1, otherwise the height 1.
    """
    frequencies = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    ends = mel_of(torch.tensor([f_min, f_max], dtype=torch.float64), scale)
    steps = torch.arange(n_mels + 2, dtype=torch.float64) / (n_mels + 1)
    edges = hertz_of(ends[0] + (ends[1] - ends[0]) * steps, scale)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
    filters = torch.minimum(rising, falling).clamp(min=0)
    if norm == "slaney":
        filters = filters * 2 / (high - low)
    return filters.float()


class MelSpectrogram(nn.Module):
    """The power of each mel band in each frame: ... L to ... bands T; where `log`, its natural logarithm."""

    filters: Tensor

    def __init__(
        self,
        sample_rate: int = 16000,
        n_fft: int = 400,
        hop_length: int | None = None,
        win_length: int | None = None,
        window: str = "hann",
        center: bool = True,
        power: float = 2.0,
        n_mels: int = 80,
        f_min: float = 0.0,
        f_max: float | None = None,
        mel_scale: str = "htk",
        norm: str | None = None,
        log: bool = False,
    ) -> None:
        super().__init__()
        self.spectrogram = Spectrogram(n_fft, hop_length, win_length, window, center, power)
        highest = sample_rate / 2 if f_max is None else f_max
        filters = mel_filters(n_fft, n_mels, sample_rate, f_min, highest, mel_scale, norm)
        self.register_buffer("filters", filters, persistent=False)
        self.log = log

    def forward(self, input: Tensor) -> Tensor:
        bands: Tensor = self.filters @ self.spectrogram(input)
        return bands.clamp(min=1e-10).log() if self.log else bands


def decibels(input: Tensor, multiplier: float = 10.0, amin: float = 1e-10, top_db: float | None = None) -> Tensor:
    """Give the logarithm of powers (multiplier 10) or magnitudes (20), in decibels.

    With `top_db`, nothing lies further than that below the largest of the last two axes.
    """
    level = multiplier * input.clamp(min=amin).log10()
    return level if top_db is None else torch.maximum(level, level.amax((-2, -1), keepdim=True) - top_db)


def cosine_transform(count: int, bands: int) -> Tensor:
    """Give the orthonormal discrete cosine transform of type II: count bands."""
    places = torch.arange(bands, dtype=torch.float64) + 0.5
    waves = torch.cos(math.pi / bands * torch.arange(count, dtype=torch.float64)[:, None] * places)
    waves = waves * math.sqrt(2 / bands)
    first = torch.arange(count)[:, None] == 0
    return torch.where(first, waves / math.sqrt(2), waves).float()


class MFCC(nn.Module):
    """Mel-frequency cepstral coefficients: ... L to ... coefficients T, from mel bands in decibels (80 at most)."""

    transform: Tensor

    def __init__(self, n_mfcc: int = 40, n_mels: int = 80, **settings: object) -> None:
        super().__init__()
        self.mel = MelSpectrogram(n_mels=n_mels, **settings)  # type: ignore[arg-type]  # as MelSpectrogram takes them
        self.register_buffer("transform", cosine_transform(n_mfcc, n_mels), persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        return self.transform @ decibels(self.mel(input), top_db=80.0)


def pre_emphasis(input: Tensor, coefficient: float = 0.97) -> Tensor:
    """Take a share of the number before away from each of ... L, which lifts high frequencies; the first stays."""
    return torch.cat((input[..., :1], input[..., 1:] - coefficient * input[..., :-1]), -1)
