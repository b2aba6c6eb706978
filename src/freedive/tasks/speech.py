"""Speech: which word (or speaker, or sound) it is, and what is said."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, ClassVar

import numpy as np

from .. import layers
from ..config import Fraction, PositiveFloat, PositiveInt, one_of
from ..core.graph import Input
from ..models import Model, Sequential
from .base import Settings
from .beside import over_time
from .classifier import Classifier
from .from_files import FilesTask
from .reading import Reader
from .reading.sounds import Sounds
from .speech_pictures import sounds_section
from .targets import Target
from .transcripts import Transcripts

FRAME, STEP = 0.032, 0.016  # seconds
ADAPTED = 500  # sounds that the scale of spectra is taken from
STRIPE = 20  # frames that a stripe blanks out at most
MOST_JOINED = 4  # frames that are joined to one moment


def loudness(value: Any) -> Any:
    """Decibels as `RandomNoise` takes them, or None."""
    return None if value is None else layers.RandomNoise(value).snr


class SpeechTask(FilesTask):
    """What tasks on sounds have in common: raw rows are sound files, or arrays (samples,).

    Args:
        sampling_rate: samples a second that sounds are brought to; None: what most of the files have.
        seconds: that are read of each sound; None: as long as the longest, up to 30.
        mels: pitches of the spectra.
        speed: by what part a sound is played faster or slower at most, anew in every epoch.
        noise: decibels that a sound is above the noise that is put to it: (lowest, highest); None for none.
        masks: whether stripes of the spectra are blanked out in training.
        dropout: between layers.
        on_bad: what happens where files cannot be read: "error" names them, "skip" leaves them out with a warning.
    """

    noun: ClassVar[str] = "sounds"

    _: dataclasses.KW_ONLY
    sampling_rate: PositiveInt | None = None
    seconds: PositiveFloat | None = None
    mels: PositiveInt = 40
    speed: Fraction = 0.15
    noise: Annotated[Any, loudness] = (10.0, 50.0)
    masks: bool = True
    dropout: Fraction = 0.3

    def learn_reader(self, X: Any) -> Reader:
        return Sounds.learned(X, self.sampling_rate, self.seconds, skip=self.on_bad == "skip")

    def ears(self, x: Any, stripe: int = STRIPE) -> list[Any]:
        """From waves to spectra (batch, frames, mels) of mean 0 and deviation 1, changed at random in training.

        Args:
            x: (rows, samples).
            stripe: the most frames that are blanked out at a time.
        """
        waves = Input(x.shape[1:])
        spectra = [mel_spectrogram(self.reader.rate, self.mels), layers.Permute((2, 1))]
        scale = layers.Normalization()
        scale.adapt(Sequential([waves, *spectra]).predict(x[:ADAPTED], verbose=0))
        changes: list[Any] = [layers.RandomSpeed(self.speed)] if self.speed else []
        if self.noise is not None:
            changes.append(layers.RandomNoise(self.noise))
        blanks = [layers.SpecAugment(time_width=stripe)] if self.masks else []
        return [waves, *changes, *spectra, scale, layers.CepstralMeanNormalization(), *blanks]

    def sections(self, X: Any, outputs: Any, y: Any) -> list[Any]:
        """Waves and spectra of some test rows, with what was said and heard."""
        return [sounds_section(self, X, outputs, y)]

    def usual(self, rows: int) -> Settings:
        return Settings(epochs=max(15, min(60, 20_000 // rows)), batch_size=16, learning_rate=3e-3)


class SpeechClassifier(SpeechTask, Classifier):
    """Tell which word a sound is, or who speaks, or what is heard.

    Args:
        network: "cnn", spectra as pictures; or "rnn", two recurrent layers that read them in both directions.
        units: of the last convolution, or of a recurrent layer in each direction.
        sampling_rate, seconds, mels, speed, noise, masks, dropout, on_bad: as in `SpeechTask`.

    >>> import numpy as np
    >>> t = np.arange(800) / 8000
    >>> tones = [np.sin(2 * np.pi * hertz * t) for hertz in (300, 310, 900, 910) * 8]
    >>> task = SpeechClassifier(sampling_rate=8000, epochs=2, verbose=0).fit(tones, ["low", "low", "high", "high"] * 8)
    >>> task.predict_proba(tones[:2]).shape, task.classes_.tolist()
    ((2, 2), ['high', 'low'])
    """

    _: dataclasses.KW_ONLY
    network: Annotated[Any, one_of("cnn", "rnn")] = "cnn"
    units: PositiveInt = 96

    def features(self, x: Any) -> Any:
        spectra = next(l for l in self.model.layers if isinstance(l, layers.Normalization))
        return over_time(np.asarray(Model(self.model.input, spectra.output).predict(x, verbose=0)))

    def make_network(self, x: Any, y: Any) -> Any:
        if self.network == "cnn":
            body = [layers.Reshape((-1, self.mels, 1)), *convolutional(self.units, self.dropout)]
        else:
            body = recurrent(self.units, self.dropout)
        return Sequential([*self.ears(x), *body, self.target.head()])


class Transcriber(SpeechTask):
    """Write what is said, character by character, by connectionist temporal classification.

    Labels are texts; their characters, in Unicode's normal form C, are found by `fit`. Speech and text need no times:
    the network learns them. It is three convolutions, which join frames to fewer moments, and a recurrent layer in both
    directions.

    Args:
        units: of the recurrent layer, in each direction.
        joined: frames of 16 ms that are joined to one moment: 1, 2 or 4; None: as many as leave two moments to a
            character that is said fast. The fewer moments there are, the sooner the network finds out when a character
            is said.
        decoding: "greedy", or "beam_search", which sums over all times of a text.
        beam_width: texts that are kept under way, for "beam_search".
        sampling_rate, seconds, mels, speed, noise, masks, dropout, on_bad: as in `SpeechTask`.

    >>> import numpy as np
    >>> t = np.arange(800) / 8000
    >>> tones = {"a": np.sin(2 * np.pi * 300 * t), "b": np.sin(2 * np.pi * 900 * t)}
    >>> texts = ["ab", "ba", "aba", "bab"] * 4
    >>> sounds = [np.concatenate([tones[letter] for letter in text]) for text in texts]
    >>> task = Transcriber(sampling_rate=8000, epochs=2, verbose=0).fit(sounds, texts)
    >>> sorted(task.evaluate(sounds, texts))
    ['character_accuracy', 'character_error_rate', 'exact', 'rows', 'word_error_rate']
    """

    warm: ClassVar[float] = 0.1

    _: dataclasses.KW_ONLY
    units: PositiveInt = 96
    joined: Annotated[int, one_of(1, 2, 4)] | None = None
    decoding: Annotated[str, one_of("greedy", "beam_search")] = "greedy"
    beam_width: PositiveInt = 20

    def learn_target(self, y: Any, every: Any) -> Target:
        return Transcripts.learned(every, decoding=self.decoding, beam_width=self.beam_width)

    def make_network(self, x: Any, y: Any) -> Any:
        fast, usual = np.quantile(frames_a_character(x, y, STEP * self.reader.rate), (0.05, 0.5))
        joined = self.joined or max([1, *(n for n in (2, MOST_JOINED) if 2 * n <= fast)])
        ears = self.ears(x, min(STRIPE, max(1, int(usual / 2))))  # a character that is not heard cannot be learned
        return Sequential([*ears, *writing(self.units, self.dropout, joined), self.target.head()])


# networks -------------------------------------------------------------------------------------------------------------
def mel_spectrogram(rate: int, mels: int) -> layers.MelSpectrogram:
    """The spectra that suit speech at a rate: a frame of 32 ms every 16 ms, up to 8 kHz."""
    length = round(FRAME * rate)
    return layers.MelSpectrogram(
        fft_length=1 << (length - 1).bit_length(),
        sequence_length=length,
        sequence_stride=max(1, round(STEP * rate)),
        sampling_rate=rate,
        num_mel_bins=mels,
        min_freq=60.0,
        max_freq=min(8000.0, rate / 2),
        top_db=60.0,
    )


def convolutional(units: int, dropout: float) -> list[Any]:
    """Four convolutions over time and pitch, a mean over both."""
    found: list[Any] = []
    for part in (8, 4, 2, 1):
        found += [layers.Conv2D(max(8, units // part), 3, padding="same", use_bias=False), layers.BatchNormalization()]
        found += [layers.ReLU(), layers.MaxPooling2D(2, padding="same")]
    return [*found, layers.GlobalAveragePooling2D(), layers.Dropout(dropout)]


def recurrent(units: int, dropout: float) -> list[Any]:
    """A convolution that halves the frames, and two LSTMs in both directions."""
    return [
        *convolution(units, 2),
        layers.Dropout(dropout),
        layers.Bidirectional(layers.LSTM(units, return_sequences=True)),
        layers.Dropout(dropout),
        layers.Bidirectional(layers.LSTM(units)),
        layers.Dropout(dropout),
    ]


def writing(units: int, dropout: float, joined: int) -> list[Any]:
    """Three convolutions that join frames to moments, and an LSTM in both directions: an output for every moment."""
    return [
        *convolution(units, min(2, joined)),
        *convolution(units, 1),
        *convolution(units, max(1, joined // 2)),
        layers.Dropout(dropout),
        layers.Bidirectional(layers.LSTM(units, return_sequences=True)),
        layers.Dropout(dropout),
    ]


def convolution(units: int, strides: int) -> list[Any]:
    """Over five frames."""
    return [
        layers.Conv1D(2 * units, 5, strides=strides, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]


def frames_a_character(x: Any, y: Any, step: float) -> np.ndarray:
    """(rows,) how many frames, `step` samples each, every character of a row has; silence at the end does not count.

    >>> frames_a_character(np.array([[1.0, 1, 1, 1, 0, 0]]), np.array([[3, 1, 0]]), 0.5).tolist()
    [4.0]
    """
    heard = x.shape[1] - np.argmax(x[:, ::-1] != 0, axis=1)
    return heard / step / np.maximum(1, np.count_nonzero(y, axis=1))
