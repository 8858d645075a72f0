"""Sources of sound, and the steps that prepare it. Their readers stand in `engine.data.audiofiles`."""

from __future__ import annotations

from typing import ClassVar, Literal

from engine.columns import ColumnKind
from engine.declare import param
from engine.kinds import Column, FolderPath
from engine.ops.source import Source, Table
from engine.ops.steps import Step

SOUND: tuple[ColumnKind, ...] = ("audio",)


class AudioFolder(Source, group="Audio"):
    """A folder of sounds: a folder for each class, or the class before the first _ or - of each file's name."""

    title = "Audio folder"
    synonyms = ("sound", "speech", "wav", "flac", "ogg", "mp3", "recordings", "music")
    reader: ClassVar[str] = "engine.data.audiofiles:AudioFolder"

    path: FolderPath = param("", "Folder that holds the sounds, or the folders of sounds.")
    classes: Literal["auto", "folders", "file names"] = param("auto", "Where the class of a sound is told.")
    test: str = param("", "Pattern of the names of files kept for the test, such as *_[0-4].wav; empty for none.")


class AudioTable(Table, group="Audio"):
    """Sounds named in a table: a column of paths, the others as a table has them."""

    title = "Sounds named in a table"
    synonyms = ("manifest", "speech", "wav", "metadata.csv")
    reader: ClassVar[str] = "engine.data.audiofiles:AudioTable"

    sounds: Column = param("", "Column of the table that names the files.")
    folder: FolderPath = param("", "Folder at which the paths in the table start; empty for the table's own.")


class Tones(Source, group="Generated"):
    """Sounds of one tone each in noise, in any loudness and of different lengths; each pitch is a class."""

    synonyms = ("sine", "sound", "audio", "pitch", "toy")
    reader: ClassVar[str] = "engine.data.generated:Tones"

    samples: int = param(400, "Number of sounds.", low=2, high=10**5)
    pitches: int = param(4, "Number of pitches, a third of an octave apart, from 220 Hz on.", low=2, high=12)
    seconds: float = param(0.5, "Length of the longest sounds; the shortest have half of it.", low=0.05, high=10)
    noise: float = param(0.1, "Standard deviation of the noise; the loudest tone reaches 1.", low=0, high=1)
    seed: int = param(0, "Start of the random draw.", low=0, high=2**32 - 1)


class Resample(Step, group="Audio"):
    """Brings sounds to one sampling rate."""

    synonyms = ("sample rate", "sampling rate", "hertz")
    kinds: ClassVar[tuple[ColumnKind, ...]] = SOUND

    rate: int = param(16_000, "Samples a second.", low=100, high=768_000)


class Mono(Step, group="Audio"):
    """Makes one channel of several by their mean."""

    synonyms = ("channels", "stereo", "downmix")
    kinds: ClassVar[tuple[ColumnKind, ...]] = SOUND


class TrimPad(Step, group="Audio"):
    """Makes all sounds one length: longer ones are cut at their end, shorter ones filled up with silence."""

    title = "Trim or pad"
    synonyms = ("length", "duration", "cut", "crop", "pad")
    kinds: ClassVar[tuple[ColumnKind, ...]] = SOUND

    seconds: float = param(1.0, "Length of each sound, in seconds.", above=0, high=86_400)


class _Frames(Step, abstract=True):
    kinds: ClassVar[tuple[ColumnKind, ...]] = SOUND

    n_fft: int = param(400, "Length of a frame, in samples.", low=4, high=2**16)
    hop_length: int = param(160, "Samples from one frame to the next.", low=1, high=2**16)
    window: Literal["hann", "hamming", "blackman", "rectangular"] = param("hann", "Shape of a frame.", advanced=True)


class Spectrogram(_Frames, group="Audio"):
    """The power of each frequency in each frame."""

    synonyms = ("stft", "fourier", "spectrum")

    log: bool = param(True, "Whether to take the logarithm.")


class MelSpectrogram(_Frames, group="Audio"):
    """The power in bands of equal width to the ear, in each frame."""

    title = "Mel spectrogram"
    synonyms = ("mel", "fbank", "filter bank", "log mel")

    n_mels: int = param(40, "Number of bands.", low=1, high=1024)
    log: bool = param(True, "Whether to take the logarithm.")


class MFCC(_Frames, group="Audio"):
    """Mel-frequency cepstral coefficients: the shape of the spectrum of each frame in a few numbers."""

    synonyms = ("cepstrum", "cepstral", "coefficients")

    n_mfcc: int = param(13, "Number of coefficients.", low=1, high=1024)
    n_mels: int = param(40, "Number of mel bands they are computed from.", low=1, high=1024)


class _RandomSound(Step, abstract=True):
    kinds: ClassVar[tuple[ColumnKind, ...]] = SOUND
    random: ClassVar[bool] = True


class RandomGain(_RandomSound, group="Audio"):
    """Makes training sounds louder or quieter."""

    title = "Random gain"
    synonyms = ("augment", "augmentation", "volume", "loudness", "amplitude")

    decibels: float = param(6.0, "Greatest change, to either side, in decibels.", low=0, high=120)


class RandomShift(_RandomSound, group="Audio"):
    """Moves training sounds earlier or later; what leaves at one end is cut, silence comes in at the other."""

    title = "Random shift"
    synonyms = ("augment", "augmentation", "time shift", "roll", "delay")

    seconds: float = param(0.1, "Greatest move, to either side, in seconds.", low=0, high=86_400)


class RandomNoise(_RandomSound, group="Audio"):
    """Adds white noise to training sounds."""

    title = "Random noise"
    synonyms = ("augment", "augmentation", "white noise", "snr", "background")

    ratio: tuple[float, float] = param(
        (10.0, 40.0), "Least and greatest power of the sound over that of the noise, in decibels.", low=-60, high=120
    )


class MaskFrames(_RandomSound, group="Audio"):
    """Covers stretches of time and of bands in the frames of training sounds with the mean of all."""

    title = "Mask frames"
    synonyms = ("augment", "augmentation", "specaugment", "time mask", "frequency mask")

    frames: int = param(20, "Most frames that a stretch of time covers.", low=0, high=10**6)
    bands: int = param(8, "Most bands that a stretch of bands covers.", low=0, high=10**6)
    count: int = param(1, "Stretches of each of the two.", low=1, high=100)
