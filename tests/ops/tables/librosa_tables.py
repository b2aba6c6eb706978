"""Makes librosa.npz, the numbers that spectra are compared with. librosa 0.11.0 brings a compiler, so no test needs it.

pip install librosa==0.11.0 && python tests/ops/tables/librosa_tables.py
"""

import json
from pathlib import Path

import numpy as np

RATE = 8000
SPECTRA = {  # name -> the arguments of librosa.feature.melspectrogram
    "mel": {"n_fft": 512, "hop_length": 160, "n_mels": 40},
    "mel short window": {
        "n_fft": 512,
        "hop_length": 128,
        "win_length": 400,
        "window": "hamming",
        "n_mels": 23,
        "power": 1.0,
    },
    "mel htk": {"n_fft": 256, "hop_length": 80, "n_mels": 26, "htk": True, "norm": None, "fmin": 50.0, "fmax": 3500.0},
}
CEPSTRA = {"mfcc": {"n_mfcc": 13, "lifter": 0}, "mfcc liftered": {"n_mfcc": 20, "lifter": 22}}


def sound():
    """A second of a rising tone in noise."""
    t = np.arange(RATE) / RATE
    noise = np.random.default_rng(0).normal(size=RATE)
    return (0.4 * np.sin(2 * np.pi * (200 + 700 * t) * t) + 0.1 * noise).astype("float32")


def main():
    import librosa

    y, found = sound(), {}
    found["stft"] = librosa.stft(y, n_fft=256, hop_length=100, pad_mode="reflect")
    for name, options in SPECTRA.items():
        found[name] = librosa.feature.melspectrogram(y=y, sr=RATE, pad_mode="reflect", **options)
        found[f"{name} db"] = librosa.power_to_db(found[name], ref=1.0, amin=1e-10, top_db=30.0)
    levels = librosa.power_to_db(found["mel"])
    for name, options in CEPSTRA.items():
        found[name] = librosa.feature.mfcc(S=levels, **options)
    about = json.dumps({"librosa": librosa.__version__, "rate": RATE})
    half = {name: value[..., ::4] for name, value in found.items()}  # every fourth frame
    np.savez_compressed(Path(__file__).with_name("librosa.npz"), about=about, sound=y, **half)


if __name__ == "__main__":
    main()
