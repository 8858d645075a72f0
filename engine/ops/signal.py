"""Sound and other signals along the last axis: spectra, mel bands, cepstra, filters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from engine.declare import COMPLEX, FLOAT, INTEGER, Call, Mistake, Op, Port, Recipe, Value, param
from engine.ops.axes import Dims, checked_axes, is_free
from engine.ops.ports import F32, Floats

Signal = Annotated[Value, Port(F32, "... L")]
NotHalf = Annotated[Value, Port(("float32", "float64", *INTEGER, "bool", *COMPLEX), "...")]
NotHalfReal = Annotated[Value, Port(("float32", "float64", *INTEGER, "bool"), "...")]
ComplexNumbers = Annotated[Value, Port(COMPLEX, "...")]
Traced = Mapping[str, tuple[tuple[int | str, ...], str]]

N_FFT = "Length of each frame, in samples; the spectrum has n_fft / 2 + 1 frequencies."
HOP = "Samples from one frame to the next; empty for a quarter of n_fft."
WIN = "Length of the window, in samples; empty for n_fft."
WINDOW = "Shape of the window."
CENTER = "Whether frames are centred on their place, the signal being mirrored at its ends."

Window = Literal["hann", "hamming", "blackman", "rectangular"]


# -------------------------------------------------------------------------------------------------------- spectra


class _Frames(Op, abstract=True):
    """An op that cuts a signal into overlapping frames."""

    key: ClassVar[tuple[str, ...]] = ("n_fft", "hop_length")
    example = {"input": "float32 2 400"}

    n_fft: int = param(400, N_FFT, low=2, high=2**20)
    hop_length: int | None = param(None, HOP, low=1)
    win_length: int | None = param(None, WIN, low=1)
    window: Window = param("hann", WINDOW, advanced=True)

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return self.hop_length or max(self.n_fft // 4, 1)

    def _check_window(self) -> None:
        if self.win_length is not None and self.win_length > self.n_fft:
            words = f"win_length is {self.win_length}; it must be at most n_fft ({self.n_fft})."
            raise Mistake(words, param="win_length")
        if self.hop_length is None and self.n_fft < 4:
            raise Mistake(
                f"hop_length is empty, and a quarter of n_fft ({self.n_fft}) is no whole sample; set it.",
                param="hop_length",
            )


class _Spectrum(_Frames, abstract=True):
    """An op from a signal to frequencies in frames."""

    center: bool = param(True, CENTER, advanced=True)

    def _check(self, input: Value) -> None:
        self._check_window()
        length = input[-1]
        if is_free(length):
            return
        if self.center and length <= self.n_fft // 2:
            words = f"n_fft is {self.n_fft}, so input must have more than {self.n_fft // 2} samples"
            raise Mistake(f"{words}, but it has {length}; lower n_fft.", param="n_fft")
        if not self.center and length < self.n_fft:
            words = f"n_fft is {self.n_fft}, but input has {length} samples, not enough for one frame"
            raise Mistake(f"{words}; lower n_fft or set center.", param="n_fft")

    def _frames(self, length: int) -> int:
        around = 2 * (self.n_fft // 2) if self.center else 0
        return max((length + around - self.n_fft) // self.hop + 1, 1)

    def _traced(self, input: Value, rows: int, dtype: str) -> Traced:
        return {"output": ((*input.shape[:-1], rows, self._frames(input[-1])), dtype)}


class STFT(_Spectrum, group="Signal"):
    """Gives the complex spectrum of each of many overlapping frames of a signal."""

    synonyms = ("short-time fourier transform", "spectrum", "frequencies", "audio", "torch.stft")

    normalized: bool = param(False, "Whether the spectrum is divided by the root of n_fft.", advanced=True)

    def build(self, input: Signal) -> Recipe:
        self._check(input)
        return Recipe("modules.STFT", **self.changed())

    def trace(self, input: Value) -> Traced:
        return self._traced(input, self.n_fft // 2 + 1, "complex64")


class ISTFT(_Frames, group="Signal"):
    """Puts a signal together again from its centred short-time spectrum."""

    synonyms = ("inverse stft", "overlap-add", "synthesis", "audio", "torch.istft")
    example = {"input": "complex64 2 201 5"}

    normalized: bool = param(False, "Whether the spectrum was divided by the root of n_fft.", advanced=True)
    length: int | None = param(None, "Samples that come out; empty for as many as the frames tell.", low=1)

    def build(self, input: Annotated[Value, Port(("complex64",), "... F T")]) -> Recipe:
        self._check_window()
        if self.hop > (self.win_length or self.n_fft) // 2:
            raise Mistake(
                f"hop_length is {self.hop}; it must be at most half the window ({self.win_length or self.n_fft}), "
                "or frames do not overlap enough.",
                param="hop_length",
            )
        if input[-2] != self.n_fft // 2 + 1:
            words = f"input has {input[-2]} frequencies, but an n_fft of {self.n_fft} has {self.n_fft // 2 + 1}"
            raise Mistake(f"{words}; set n_fft as in the STFT.", param="n_fft")
        most = self.hop * (input[-1] - 1) + (self.n_fft + 1) // 2
        if not is_free(input[-1]):
            if most <= (self.n_fft + 1) // 2 and self.length is None:
                raise Mistake("input has 1 frame; without a length, nothing comes out of a single one.", param="input")
            if self.length is not None and self.length > most:
                words = f"length is {self.length}, but {input[-1]} frames hold at most {most} samples"
                raise Mistake(f"{words}.", param="length")
        return Recipe("modules.ISTFT", **self.changed())

    def trace(self, input: Value) -> Traced:
        length = self.hop * (input[-1] - 1) if self.length is None else self.length
        return {"output": ((*input.shape[:-2], length), "float32")}


class Spectrogram(_Spectrum, group="Signal"):
    """Gives the power of each frequency in each of many overlapping frames of a signal."""

    synonyms = ("power spectrum", "magnitude", "audio")

    power: float = param(2.0, "Power of the magnitude: 2 for power, 1 for the magnitude.", above=0)

    def build(self, input: Signal) -> Recipe:
        self._check(input)
        return Recipe("modules.Spectrogram", **self.changed())

    def trace(self, input: Value) -> Traced:
        return self._traced(input, self.n_fft // 2 + 1, "float32")


class _Mel(_Spectrum, abstract=True):
    """An op that gathers frequencies into bands as the ear does."""

    power: float = param(2.0, "Power of the magnitude: 2 for power, 1 for the magnitude.", above=0, advanced=True)
    sample_rate: int = param(16000, "Samples a second.", low=1)
    n_mels: int = param(64, "Number of bands.", low=1)
    f_min: float = param(0.0, "Lowest frequency, in hertz.", low=0, advanced=True)
    f_max: float | None = param(
        None, "Highest frequency, in hertz; empty for half of sample_rate.", above=0, advanced=True
    )
    mel_scale: Literal["htk", "slaney"] = param("htk", "Formula of the scale.", advanced=True)
    norm: Literal["slaney"] | None = param(
        None, "Whether each band's weights are divided by its width (slaney).", advanced=True
    )

    def _check(self, input: Value) -> None:
        super()._check(input)
        half = self.sample_rate / 2
        highest = half if self.f_max is None else self.f_max
        if highest > half:
            words = f"f_max is {highest:g}; it must be at most half of sample_rate ({half:g})."
            raise Mistake(words, param="f_max")
        if self.f_min >= highest:
            raise Mistake(f"f_min is {self.f_min:g}; it must be less than f_max ({highest:g}).", param="f_min")
        empty = self._empty_bands(highest)
        if empty:
            raise Mistake(
                f"n_mels is {self.n_mels}, but {empty} of the bands would hold no frequency of an n_fft of "
                f"{self.n_fft}; lower n_mels or raise n_fft.",
                param="n_mels",
            )

    def _empty_bands(self, highest: float) -> int:
        """Count the bands between whose ends no frequency of the spectrum lies."""
        low, high = _mel(self.f_min, self.mel_scale), _mel(highest, self.mel_scale)
        step = (high - low) / (self.n_mels + 1)
        edges = [_hertz(low + step * place, self.mel_scale) for place in range(self.n_mels + 2)]
        width = self.sample_rate / 2 / (self.n_fft // 2)  # from one frequency to the next
        return sum((math.floor(one / width) + 1) * width >= other for one, other in zip(edges, edges[2:], strict=False))


def _mel(hertz: float, scale: str) -> float:
    if scale == "htk":
        return 2595 * math.log10(1 + hertz / 700)
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def _hertz(mel: float, scale: str) -> float:
    if scale == "htk":
        return 700 * float(10 ** (mel / 2595) - 1)
    return mel * 200 / 3 if mel < 15 else 1000 * math.exp((mel - 15) * math.log(6.4) / 27)


class MelSpectrogram(_Mel, group="Signal"):
    """Gives the power of a signal in bands as the ear hears them, frame by frame."""

    synonyms = ("log-mel", "mel bands", "filter bank", "fbank", "audio", "speech")
    key: ClassVar[tuple[str, ...]] = ("n_mels", "n_fft")

    log: bool = param(False, "Whether the natural logarithm is taken.")

    def build(self, input: Signal) -> Recipe:
        self._check(input)
        return Recipe("modules.MelSpectrogram", **{**self.changed(), "n_mels": self.n_mels})

    def trace(self, input: Value) -> Traced:
        return self._traced(input, self.n_mels, "float32")


class MFCC(_Mel, group="Signal"):
    """Gives the cepstral coefficients of a signal's mel bands, frame by frame: the classic features of speech."""

    synonyms = ("mel-frequency cepstral coefficients", "cepstrum", "audio", "speech")
    key: ClassVar[tuple[str, ...]] = ("n_mfcc", "n_mels")

    n_mfcc: int = param(40, "Number of coefficients; at most n_mels.", low=1)

    def build(self, input: Signal) -> Recipe:
        if self.n_mfcc > self.n_mels:
            raise Mistake(f"n_mfcc is {self.n_mfcc}; it must be at most n_mels ({self.n_mels}).", param="n_mfcc")
        self._check(input)
        return Recipe("modules.MFCC", **{**self.changed(), "n_mels": self.n_mels})

    def trace(self, input: Value) -> Traced:
        return self._traced(input, self.n_mfcc, "float32")


# ------------------------------------------------------------------------------------------------ levels and filters


class PreEmphasis(Op, group="Signal"):
    """Lifts the high frequencies of a signal: each sample less a share of the one before."""

    synonyms = ("high pass", "audio", "speech")
    key: ClassVar[tuple[str, ...]] = ("coefficient",)
    example = {"input": "float32 2 16"}

    coefficient: float = param(0.97, "Share of the sample before that is taken away.", low=0, high=1)

    def build(self, input: Annotated[Value, Port(FLOAT, "... L")]) -> Call:
        return Call("modules.pre_emphasis", input, **self.changed())


class Decibels(Op, group="Signal"):
    """Turns powers or magnitudes into decibels."""

    synonyms = ("amplitude to db", "log scale", "level", "audio")
    key: ClassVar[tuple[str, ...]] = ("of",)
    example = {"input": "float32:0..4 2 8 5"}

    of: Literal["power", "magnitude"] = param("power", "What comes in: 10 or 20 decibels for ten times as much.")
    amin: float = param(1e-10, "Least number that a logarithm is taken of.", above=0, advanced=True)
    top_db: float | None = param(80.0, "Farthest below the loudest of the last two axes; empty for no limit.", above=0)

    def build(self, input: Floats) -> Call:
        if self.top_db is not None and input.ndim < 2:
            words = "top_db looks for the loudest along the last two axes, but input has fewer; empty it"
            raise Mistake(f"{words}.", param="top_db")
        settings: dict[str, float | None] = {"top_db": self.top_db} if self.top_db is not None else {}
        if self.of == "magnitude":
            settings["multiplier"] = 20.0
        if self.amin != 1e-10:
            settings["amin"] = self.amin
        return Call("modules.decibels", input, **settings)


# -------------------------------------------------------------------------------------------------------- fourier


class _Fourier(Op, abstract=True):
    """A Fourier transform along one axis, or several at once."""

    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 8"}

    dim: Dims = param(-1, "Axis or axes to transform along; empty for all.", low=-16, high=15)
    norm: Literal["backward", "ortho", "forward"] = param(
        "backward",
        "Where the sum is divided by its length: on the way back, by its root both ways, or on the way there.",
    )

    def _call(self, name: str, input: Value) -> Call:
        axes = checked_axes(self.dim, input)
        if not axes:
            raise Mistake("input is a single number; it has no axis to transform along.", param="input")
        more = {} if self.norm == "backward" else {"norm": self.norm}
        if isinstance(self.dim, int):
            return Call(f"torch.fft.{name}", input, dim=self.dim, **more)
        return Call(f"torch.fft.{name}n", input, dim=self.dim or axes, **more)


class FFT(_Fourier, group="Signal"):
    """Turns a signal into its complex spectrum."""

    synonyms = ("fourier transform", "frequencies", "spectrum", "torch.fft.fft", "torch.fft.fftn", "fft2")

    def build(self, input: NotHalf) -> Call:
        return self._call("fft", input)


class IFFT(_Fourier, group="Signal"):
    """Turns a complex spectrum into its signal, which stays complex."""

    synonyms = ("inverse fourier transform", "torch.fft.ifft", "torch.fft.ifftn", "ifft2")
    example = {"input": "complex64 2 8"}

    def build(self, input: NotHalf) -> Call:
        return self._call("ifft", input)


class RFFT(_Fourier, group="Signal"):
    """Turns a real signal into the half of its spectrum that tells all."""

    synonyms = ("real fourier transform", "torch.fft.rfft", "torch.fft.rfftn", "rfft2")

    def build(self, input: NotHalfReal) -> Call:
        return self._call("rfft", input)


class IRFFT(_Fourier, group="Signal"):
    """Turns the half of a spectrum into its real signal, of even length."""

    synonyms = ("inverse real fourier transform", "torch.fft.irfft", "torch.fft.irfftn", "irfft2")
    example = {"input": "complex64 2 5"}

    def build(self, input: ComplexNumbers) -> Call:
        axes = checked_axes(self.dim, input)
        if axes and input[axes[-1]] < 2:
            raise Mistake(f"Axis {axes[-1]} has 1 frequency; it needs at least 2.", param="dim")
        return self._call("irfft", input)
