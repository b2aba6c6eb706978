"""Pictures of sounds: the wave, its spectra, and where a transcriber wrote each character."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from .. import layers
from ..report import data_uri, page
from ..report.page import Html, Section

WIDTH, WAVE, SPECTRA, LETTERS, TIMES, LEFT = 600, 48, 96, 22, 28, 76  # of a picture and what stands around it
SHOWN = 6
SHADES = np.array([[13, 8, 60], [86, 15, 110], [187, 55, 84], [249, 142, 9], [252, 255, 190]], float)  # soft to loud


def sounds_section(task: Any, X: Sequence[Any], outputs: Any, y: Any) -> Section:
    """A part of the report: some sounds from all over the test, and what was made of them."""
    places = np.unique(np.linspace(0, len(X) - 1, SHOWN, dtype=int))  # rows are often sorted by class
    outputs, y = np.asarray([outputs[place] for place in places]), [y[place] for place in places]
    waves = task.reader.encoded([X[place] for place in places])
    (ear,) = [layer for layer in task.model.layers if isinstance(layer, layers.MelSpectrogram)]
    spectra, answers = np.asarray(ear(waves)), task.target.decoded(outputs)
    right, write = spoken(task.target, y), getattr(task.target, "written", None)
    pitches = float(ear.min_freq), float(ear.max_freq or task.reader.rate / 2)
    shown = ""
    for row, (wave, sound) in enumerate(zip(waves, spectra, strict=True)):
        letters = write(outputs[row]) if write else []
        heard = "" if answers[row] == right[row] else f", {answers[row] or 'nothing'} was heard"
        shown += page.figure(picture(wave, sound, letters, task.reader.rate, pitches), f"{right[row]} was said{heard}")
    note = "Above the wave, below how loud each pitch is, from the low ones to the high."
    note += " Each character stands where it was written." if write else ""
    return Section("Sounds", Html(f'<div class="charts">{shown}</div>'), note)


def spoken(target: Any, y: Any) -> list[str]:
    """What was said, in words, of labels as `Target.asked` gives them."""
    return [label if isinstance(label, str) else target.names[label] for label in y]


def picture(
    wave: np.ndarray,
    spectra: np.ndarray,
    letters: Sequence[tuple[float, str]],
    rate: int,
    pitches: tuple[float, float] | None = None,
) -> str:
    """A sound as an <svg> element; silence at its end is left out.

    Args:
        wave: (samples,), from -1 to 1.
        spectra: (pitches, frames), in decibels.
        letters: what was written, and when, as a part of all samples.
        rate: samples a second.
        pitches: the lowest and the highest, in Hz; None leaves them out.

    >>> wave = np.sin(np.arange(800) / 9)
    >>> picture(wave, np.zeros((4, 10)), [(0.5, "a")], 8000).count(">a</text>")
    1
    """
    heard = float(np.flatnonzero(wave)[-1] + 1) / len(wave) if wave.any() else 1.0
    frames = max(1, round(heard * spectra.shape[1]))
    letters_end = WAVE + SPECTRA + (LETTERS if letters else 0)
    height, seconds = letters_end + TIMES, heard * len(wave) / rate
    parts = [
        f'<path class="line" fill="none" stroke="currentColor" d="{outline(wave[: round(heard * len(wave))])}"/>',
        f'<image x="0" y="{WAVE}" width="{WIDTH}" height="{SPECTRA}" preserveAspectRatio="none" '
        f'href="{data_uri(shaded(spectra[::-1, :frames]))}"/>',
    ]
    parts += [
        f'<text x="{WIDTH * min(1.0, at / heard):.0f}" y="{letters_end - 4}" text-anchor="middle" fill="currentColor" '
        f'font-size="17">{escape(letter)}</text>'
        for at, letter in letters
    ]
    parts += [said(0, height - 5, "start", "0"), said(WIDTH, height - 5, "end", f"{seconds:.2f} s")]
    if pitches is not None:
        low, high = (f"{hertz / 1000:g} kHz" if hertz >= 1000 else f"{hertz:g} Hz" for hertz in pitches)
        parts += [said(-6, WAVE + 16, "end", high), said(-6, WAVE + SPECTRA - 1, "end", low)]
    told = escape(f"{seconds:.1f} seconds of sound")
    box = f"{-LEFT} 0 {LEFT + WIDTH} {height}"
    return f'<svg viewBox="{box}" width="100%" role="img" aria-label="{told}">{"".join(parts)}</svg>'


def said(x: float, y: float, anchor: str, text: str) -> str:
    """A few words at an axis."""
    return f'<text class="axis" x="{x}" y="{y}" text-anchor="{anchor}" fill="currentColor" font-size="20">{text}</text>'


def outline(wave: np.ndarray) -> str:
    """The path of a wave: a stroke from the lowest to the highest sample of every pixel."""
    pixels = np.array_split(wave, min(WIDTH, max(1, len(wave))))
    middle, half = WAVE / 2, WAVE / 2 - 2
    step = WIDTH / len(pixels)
    return "".join(
        f"M{place * step:.1f} {middle - half * part.max():.1f}V{middle - half * part.min() + 0.5:.1f}"
        for place, part in enumerate(pixels)
        if len(part)
    )


def shaded(decibels: np.ndarray) -> np.ndarray:
    """Loudness as colours, uint8 (pitches, frames, 3), from the softest to the loudest."""
    low, high = float(decibels.min()), float(decibels.max())
    place = (decibels - low) / max(high - low, 1e-6) * (len(SHADES) - 1)
    known = np.arange(len(SHADES))
    return np.stack([np.interp(place, known, SHADES[:, channel]) for channel in range(3)], axis=-1).astype(np.uint8)
