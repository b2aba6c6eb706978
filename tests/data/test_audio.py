"""Sounds from files: channels, rates, damage, folders of classes."""

import numpy as np
import pytest
import soundfile

from freedive.data import DataFileError, read_audio, read_audio_folder, resample, sound_header
from freedive.data.audio import fit_length

RATE = 8000
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(2000) / RATE)).astype(np.float32)


@pytest.mark.parametrize(
    ("ending", "subtype", "close"),
    [(".wav", "PCM_16", 1e-4), (".flac", "PCM_16", 1e-4), (".ogg", "VORBIS", 0.1), (".wav", "FLOAT", 0)],
)
def test_formats(tmp_path, ending, subtype, close):
    path = tmp_path / f"a{ending}"
    soundfile.write(path, TONE, RATE, subtype=subtype)
    samples, rate = read_audio(path)
    assert rate == RATE and samples.dtype == np.float32 and samples.shape == TONE.shape
    np.testing.assert_allclose(samples, TONE, atol=close)
    same, _ = read_audio(path.read_bytes())
    np.testing.assert_array_equal(same, samples)


def test_channels_are_averaged_or_kept(tmp_path):
    stereo = np.stack([TONE, -TONE / 2], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav")[0], TONE / 4, atol=1e-7)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav", mono=False)[0], stereo)
    both, rate = read_audio(tmp_path / "a.wav", sample_rate=16000, mono=False)
    assert both.shape == (4000, 2) and rate == 16000
    np.testing.assert_allclose(both[:, 1], -both[:, 0] / 2, atol=1e-6)


@pytest.mark.parametrize(("old", "new"), [(8000, 16000), (44100, 16000), (48000, 44100), (16000, 8000), (8000, 8000)])
def test_a_tone_stays_the_tone(old, new):
    def tone(rate):
        return np.sin(2 * np.pi * 440 * np.arange(rate // 2) / rate)

    found = resample(tone(old), old, new)
    assert found.shape == (new // 2,) and found.dtype == np.float32
    np.testing.assert_allclose(found[200:-200], tone(new)[200:-200], atol=2e-5)


def test_what_the_new_rate_cannot_carry_is_gone():
    high = np.sin(2 * np.pi * 6000 * np.arange(8000) / 16000)
    assert np.abs(resample(high, 16000, 8000)[200:-200]).max() < 1e-4
    np.testing.assert_allclose(resample(np.ones(500), 3, 7)[100:-100], 1, atol=1e-6)


@pytest.mark.parametrize("rate", [0, -1, 1.5, True])
def test_impossible_rates(rate):
    with pytest.raises(ValueError, match=r"to_rate=.*positive whole number"):
        resample(TONE, 8000, rate)


def wav(samples=TONE):
    import io

    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


WRONG = {
    "empty": (b"", "the file is empty"),
    "text": (b"not a sound at all, only text", "cannot be read as a sound: Format not recognised"),
    "header only": (wav()[:20], "the file is cut"),
    "header that announces no more": (b"RIFF\x0c\0\0\0" + wav()[8:20], "cannot be read as a sound"),
    "cut": (wav()[:-1], "the file is cut: 4,043 of 4,044 bytes"),
    "no samples": (wav(TONE[:0]), "no samples"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_files_are_named(tmp_path, case):
    content, text = WRONG[case]
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(DataFileError, match=text) as caught:
        read_audio(tmp_path / "a.wav")
    assert str(caught.value).startswith(str(tmp_path / "a.wav"))
    with pytest.raises(DataFileError, match=f"clip: .*{text}"):
        read_audio(content, name="clip")


def test_headers_say_length_and_rate_without_decoding(tmp_path):
    for ending in ("wav", "flac", "ogg", "mp3"):
        soundfile.write(tmp_path / f"a.{ending}", np.stack([TONE, TONE], 1), RATE)
        frames, rate = sound_header(tmp_path / f"a.{ending}")
        assert rate == RATE and abs(frames - len(TONE)) <= (1200 if ending == "mp3" else 0)
        assert abs(len(read_audio(tmp_path / f"a.{ending}")[0]) - frames) <= 1200
    for case in ("empty", "text", "cut", "no samples"):
        (tmp_path / "a.wav").write_bytes(WRONG[case][0])
        with pytest.raises(DataFileError, match=WRONG[case][1]):
            sound_header(tmp_path / "a.wav")


def test_a_flac_that_announces_more_than_there_is(tmp_path):
    soundfile.write(tmp_path / "a.flac", TONE, RATE)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21] |= 0x0F  # the highest bits of the number of samples
    (tmp_path / "a.flac").write_bytes(content)
    with pytest.raises(DataFileError, match="samples announced; at most"):
        read_audio(tmp_path / "a.flac")


def test_waves_from_a_pipe_do_not_know_their_length():
    for size in (b"\0\0\0\0", b"\xff\xff\xff\xff"):
        streamed = wav()[:4] + size + wav()[8:]
        assert len(read_audio(streamed)[0]) == len(TONE)


def test_samples_that_are_no_numbers(tmp_path):
    broken = TONE.copy()
    broken[7] = np.nan
    soundfile.write(tmp_path / "a.wav", broken, RATE, subtype="FLOAT")
    with pytest.raises(DataFileError, match="sample 7: a sample is not finite"):
        read_audio(tmp_path / "a.wav")


def test_missing_files():
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_audio("nothing.wav")


def test_folder_of_classes(tmp_path):
    for name, length in (("no/1", 500), ("yes/1", 1500), ("yes/2", 1000)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / f"{name}.wav", TONE[:length], RATE)
    found = read_audio_folder(tmp_path)
    assert [len(sound) for sound in found.x] == [500, 1500, 1000]
    assert found.class_names == ["no", "yes"] and found.y.tolist() == [0, 1, 1]
    assert read_audio_folder(tmp_path, frames=800).x.shape == (3, 800)
    assert read_audio_folder(tmp_path, sample_rate=16000, frames=800).x.shape == (3, 800)

    soundfile.write(tmp_path / "yes" / "3.wav", TONE, 16000)
    with pytest.raises(ValueError, match=r"3\.wav has 16000 samples a second, .*1\.wav has 8000: pass sample_rate="):
        read_audio_folder(tmp_path)
    (tmp_path / "yes" / "3.wav").write_bytes(b"broken")
    with pytest.raises(DataFileError, match=r"3\.wav"):
        read_audio_folder(tmp_path)
    with pytest.warns(UserWarning, match=r"1 of 4 files skipped: .*3\.wav"):
        found = read_audio_folder(tmp_path, frames=800, on_error="skip")
    assert len(found) == 3 and found.x.shape == (3, 800) and len(found.skipped) == 1


def test_lengths():
    assert fit_length(np.arange(5), 3).tolist() == [0, 1, 2]
    assert fit_length(np.ones((2, 2)), 3).tolist() == [[1, 1], [1, 1], [0, 0]]
