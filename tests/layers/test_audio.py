"""Spectra of sounds: librosa's numbers (`tables/librosa_tables.py`), the peer's layers, edges, a saved model."""

from pathlib import Path

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from harness import compare, round_trip, same

import freedive as fd
from freedive import layers
from freedive.ops import audio

TABLE = np.load(Path(__file__).parents[1] / "ops/tables/librosa.npz")
SOUND, RATE = TABLE["sound"], 8000
RNG = np.random.default_rng(0)
MEL = {
    "fft_length": 512,
    "sequence_stride": 160,
    "sampling_rate": RATE,
    "num_mel_bins": 40,
    "min_freq": 0.0,
    "mel_scale": "slaney",
}
SHORT = {"sequence_stride": 128, "sequence_length": 400, "window": "hamming", "num_mel_bins": 23, "mag_exp": 1.0}
HTK = {"fft_length": 256, "sequence_stride": 80, "num_mel_bins": 26, "mel_scale": "htk"}
SPECTRA = {
    "mel": MEL,
    "mel short window": MEL | SHORT,
    "mel htk": MEL | HTK | {"min_freq": 50.0, "max_freq": 3500.0},
}


# librosa --------------------------------------------------------------------------------------------------------------
def test_the_transform_is_librosas():
    found = audio.stft(SOUND, audio.window_of("hann", 256), 100)
    found = np.asarray(found).T[:, ::4]
    for side in ("real", "imag"):
        same(getattr(found, side), getattr(TABLE["stft"], side), 1e-5)


@pytest.mark.parametrize("name", SPECTRA)
def test_mel_spectra_are_librosas(name):
    for table, options in ((name, {"power_to_db": False}), (f"{name} db", {"top_db": 30.0})):
        found = layers.MelSpectrogram(**SPECTRA[name] | options)(SOUND[None])
        same(found[0, :, ::4], TABLE[table], 1e-5)


@pytest.mark.parametrize(("name", "options"), [("mfcc", {"num_mfccs": 13}), ("mfcc liftered", {"lifter": 22})])
def test_cepstra_are_librosas(name, options):
    same(layers.MFCC(**MEL | options)(SOUND)[:, ::4], TABLE[name], 1e-5)


# the peer -------------------------------------------------------------------------------------------------------------
def sounds(channels=2, samples=1200):
    return RNG.normal(size=(3, samples, channels)).astype("float32")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "magnitude", "frame_length": 200, "frame_step": 80, "window": "hamming", "periodic": True},
        {"mode": "psd", "scaling": "spectrum", "expand_dims": True},
        {"mode": "real", "window": None, "scaling": None},
        {"mode": "imag", "padding": "same", "fft_length": 512, "data_format": "channels_first"},
        {"mode": "stft", "expand_dims": True, "data_format": "channels_first"},
        {"mode": "log", "padding": "same", "window": np.hanning(64).tolist(), "frame_length": 64, "frame_step": 64},
    ],
    ids=str,
)
def test_stft_spectrogram(options):
    ours, theirs = layers.STFTSpectrogram(**options), keras.layers.STFTSpectrogram(**options)
    x = sounds() if options.get("data_format") != "channels_first" else sounds().swapaxes(1, 2)
    compare(ours, theirs, x, tolerance=1e-4)
    first, start = round_trip(ours), theirs.__class__.from_config(theirs.get_config())
    first(x), start(x)
    same(first.get_weights(), start.get_weights(), 1e-4)  # the peer multiplies the phases in float32


def test_the_angle_is_that_of_the_complex_number():
    x = sounds(1)
    real, imag, angle = (layers.STFTSpectrogram(mode)(x) for mode in ("real", "imag", "angle"))
    same(angle, np.angle(real + 1j * imag), 1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fft_length": 256, "sequence_stride": 80, "sampling_rate": RATE, "num_mel_bins": 40, "top_db": 200.0},
        {"fft_length": 512, "sequence_length": 300, "window": "hamming", "mag_exp": 1.0, "ref_power": 2.0},
        {"fft_length": 512, "power_to_db": False, "min_freq": 100.0, "max_freq": 5000.0, "window": None},
    ],
    ids=str,
)
def test_mel_spectrogram(options):
    x = sounds(1, 9000)[..., 0]
    for sound in x:  # one by one: the peer's top_db is of the whole batch
        same(layers.MelSpectrogram(**options)(sound), keras.layers.MelSpectrogram(**options)(sound), 1e-5)
    assert layers.MelSpectrogram(**options)(x).shape == keras.layers.MelSpectrogram(**options)(x).shape
    round_trip(layers.MelSpectrogram(**options))


def test_a_sound_is_the_same_in_any_company():
    mel = layers.MelSpectrogram(256, 80, sampling_rate=RATE, top_db=40.0)
    loud = np.stack([SOUND, 1000 * SOUND])
    same(mel(loud)[0], mel(SOUND), 1e-6)


def test_what_is_the_same_at_all_times_goes():
    x, mask = sounds(4, 9), np.arange(9) < np.array([[9], [5], [0]])
    layer = layers.CepstralMeanNormalization()
    same(layer(x + np.arange(4, dtype="float32")), layer(x), 1e-5)
    found = np.asarray(layer(x, mask=mask))
    same(found[1, :5].mean(0), np.zeros(4), 1e-5)
    np.testing.assert_array_equal(found[~mask], x[~mask])
    np.testing.assert_array_equal(layer(np.where(mask[..., None], x, np.nan), mask=mask)[mask], found[mask])


def test_the_mean_of_many_frames_is_taken_in_float32():
    layer, x = layers.CepstralMeanNormalization(), np.ones((1, 4096, 1), "float32")
    assert not layer(jnp.asarray(x, "bfloat16")).any()


# edges ----------------------------------------------------------------------------------------------------------------
def test_silence_and_short_sounds_are_finite():
    for x in (np.zeros((2, 800)), np.ones((2, 300))):
        for layer in (layers.MelSpectrogram(512, 160), layers.MFCC(512, 160)):
            assert np.isfinite(layer(x.astype("float32"))).all()


def test_mel_scales_turn_back():
    hertz = np.linspace(0, 8000, 99)
    for bank in audio.BANKS.values():
        np.testing.assert_allclose(bank.to_hertz(bank.to_mel(hertz)), hertz, atol=1e-6)


def test_frames_of_any_step():
    x = np.arange(11)
    for step in (1, 3, 4, 9):
        expected = [x[i : i + 4] for i in range(0, 8, step)]
        np.testing.assert_array_equal(audio.framed(jnp.asarray(x), 4, step), expected)


def test_a_model_from_waves_to_classes_keeps_its_ears(tmp_path):
    x = RNG.normal(size=(16, 800)).astype("float32")
    y = np.arange(16) % 2
    x[y == 1] += np.sin(np.arange(800) / 2)
    model = fd.Sequential(
        [
            layers.Input((800,)),
            layers.MFCC(256, 80, sampling_rate=RATE, num_mel_bins=20, num_mfccs=8),
            layers.GlobalAveragePooling1D(data_format="channels_first"),
            layers.Dense(2, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", precision="mixed_bfloat16")
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "m.safetensors")
    again = fd.models.load_model(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


WRONG = [
    (lambda: layers.STFTSpectrogram("loud"), "expected one of 'log'"),
    (lambda: layers.STFTSpectrogram(frame_step=300), r"frame_step=300\): expected no more than frame_length=256"),
    (lambda: layers.STFTSpectrogram(fft_length=100), r"expected at least frame_length=256"),
    (lambda: layers.STFTSpectrogram(window="round"), "Invalid window name|Unknown window"),
    (lambda: layers.STFTSpectrogram(window=[1.0, 2.0])(sounds()), "expected 256 numbers"),
    (lambda: layers.STFTSpectrogram()(sounds()[..., 0]), r"expected sounds \(batch, samples, channels\)"),
    (lambda: layers.MelSpectrogram(sequence_length=4096), "expected at most fft_length=2048"),
    (lambda: layers.MelSpectrogram(max_freq=9000.0), r"max_freq=9000\): expected min_freq < max_freq <= 8000"),
    (lambda: layers.MelSpectrogram(mel_scale="bark"), "expected one of 'keras', 'htk', 'slaney'"),
    (lambda: layers.MelSpectrogram()(sounds()), "of several channels take one"),
    (lambda: layers.MFCC(num_mfccs=200), "expected at most num_mel_bins=128"),
]


@pytest.mark.parametrize(("wrong", "text"), WRONG)
def test_wrong_arguments(wrong, text):
    with pytest.raises(ValueError, match=text):
        wrong()
