"""Speech from files and arrays to answers: learned, saved, read again; what cannot be learned is told."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from freedive import layers
from freedive.config import from_json, to_json
from freedive.data import DataFileError
from freedive.tasks import SequenceClassifier, SpeechClassifier, Transcriber, Transcripts
from freedive.tasks.reading import Sounds
from freedive.tasks.sources import find

RATE, RNG = 4000, np.random.default_rng(0)
TONES = {"a": 400, "b": 900, "c": 1500}
QUICK = {"mels": 16, "units": 16, "speed": 0.02, "verbose": 0, "seed": 1}


def tone(letter, seconds=0.1, rate=RATE):
    t = np.arange(int(seconds * rate * RNG.uniform(0.9, 1.1))) / rate
    noise = 0.02 * RNG.normal(size=len(t))
    return (RNG.uniform(0.2, 0.9) * np.sin(2 * np.pi * TONES[letter] * t) * np.hanning(len(t)) + noise).astype(
        "float32"
    )


def words(count):
    """Sounds of tones in a row, and how they are spelt."""
    texts = ["".join(RNG.choice(list("abc"), RNG.integers(1, 5))) for _ in range(count)]
    return [np.concatenate([tone(letter) for letter in text]) for text in texts], texts


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Class folders of sounds: formats, lengths, channels, and one of another rate."""
    place = tmp_path_factory.mktemp("sounds") / "tones"
    for i in range(60):
        letter, ending = "abc"[i % 3], ("wav", "flac", "ogg")[i % 4 % 3]
        (place / letter).mkdir(parents=True, exist_ok=True)
        rate = 8000 if i % 12 == 7 else RATE
        sound = tone(letter, 0.2 + i / 300, rate)
        soundfile.write(place / letter / f"{i}.{ending}", np.stack([sound] * (1 + i % 2), 1), rate)
    return place


@pytest.mark.long
def test_a_folder_of_class_folders(folder, tmp_path):
    with pytest.warns(UserWarning, match=r"\d of \d+ sounds are resampled to 4,000 .*found: 4,000, 8,000"):
        source = find(str(folder))
        task = source.task.set_params(epochs=12, **QUICK).fit(source.x_train, source.y_train)
    assert isinstance(task, SpeechClassifier) and "60 sounds in 3 class folders: a, b, c" in source.found
    assert task.score(source.x_test, source.y_test) > 0.8
    task.save(tmp_path / "m.safetensors")
    again = SpeechClassifier.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict_proba(source.x_test), task.predict_proba(source.x_test))
    assert again.reader.read(folder / "b" / "7.wav").notes[0].endswith("resampled from 8,000 to 4,000 a second")
    waves = [
        soundfile.read(file, always_2d=True)[0].mean(1)
        for file in source.x_test
        if soundfile.info(file).samplerate == RATE
    ]
    assert len(again.predict(waves)) == len(waves)


def test_class_folders_of_sounds_are_found(folder):
    source = find(str(folder))
    assert isinstance(source.task, SpeechClassifier) and "60 sounds in 3 class folders: a, b, c" in source.found
    with pytest.warns(UserWarning, match=r"\d of \d+ sounds are resampled to 4,000 .*found: 4,000, 8,000"):
        reader = source.task.learn_reader([*source.x_train, *source.x_test])
    assert reader.encoded(source.x_test).shape == (12, reader.samples)
    assert reader.read(folder / "b" / "7.wav").notes[0].endswith("resampled from 8,000 to 4,000 a second")


def test_the_recurrent_network_answers():
    sounds, _ = words(24)
    task = SpeechClassifier(network="rnn", sampling_rate=RATE, epochs=1, **QUICK).fit(sounds, ["x", "y"] * 12)
    assert task.predict_proba(sounds).shape == (24, 2)
    (shown,) = task.sections(sounds[:2], np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([1, 0]))
    assert shown.body.count("<svg") == 2 and "y was said<" in shown.body and "x was said, y was heard" in shown.body


def test_transcripts_are_learned_from_texts_alone(tmp_path):
    sounds, texts = words(160)
    plain = {"units": 32, "speed": 0.0, "noise": None, "masks": False, "dropout": 0.0, "batch_size": 8}
    task = Transcriber(sampling_rate=RATE, epochs=20, **QUICK | plain).fit(sounds[:120], texts[:120])
    result = task.evaluate(sounds[120:], texts[120:])
    assert result["character_error_rate"] < 0.1, result
    assert task.score(sounds[120:], texts[120:]) == 1 - result["character_error_rate"]
    (shown,) = task.sections(sounds[120:], task.outputs(sounds[120:]), task.target.asked(texts[120:]))
    drawn = [texts[place] for place in (120, 127, 135, 143, 151, 159)]  # from all over the test
    assert all(f"{text} was said" in shown.body for text in drawn)
    assert abs(shown.body.count('font-size="17"') - sum(map(len, drawn))) <= 2
    assert shown.body.count(" s</text>") == 6 and shown.body.count(">60 Hz</text>") == 6
    task.save(tmp_path / "m.safetensors")
    again = Transcriber.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict(sounds[120:]), task.predict(sounds[120:]))
    again.target = Transcripts(again.target.characters, "beam_search", 8)
    assert again.evaluate(sounds[120:], texts[120:])["character_error_rate"] < 0.1


@pytest.mark.parametrize(("seconds", "joined", "stripe"), [(0.03, 1, 1), (0.08, 2, 2), (0.4, 4, 12), (2.0, 4, 20)])
def test_moments_and_stripes_are_as_long_as_what_is_said(seconds, joined, stripe):
    texts = ["abca"] * 24
    sounds = [np.concatenate([tone(letter, seconds) for letter in text]) for text in texts]
    task = Transcriber(sampling_rate=RATE, mels=16, units=4).prepare(sounds, texts)
    frames = next(layer.output.shape[2] for layer in task.model.layers if isinstance(layer, layers.MelSpectrogram))
    assert task.model.output.shape[1] == -(-frames // joined)
    (mask,) = [layer for layer in task.model.layers if isinstance(layer, layers.SpecAugment)]
    assert abs(mask.time_width - stripe) <= 1


@pytest.mark.parametrize("kind", ["transcripts.csv", "metadata.tsv", "texts"])
def test_sounds_with_transcripts_are_found(tmp_path, kind):
    sounds, texts = words(30)
    (tmp_path / "clips").mkdir()
    where = tmp_path if kind == "texts" else tmp_path / "clips"
    for i, (sound, text) in enumerate(zip(sounds, texts, strict=True)):
        soundfile.write(where / f"{i:02}.wav", sound, RATE)
        if kind == "texts":
            (where / f"{i:02}.txt").write_text(text + "\n")
    if kind != "texts":
        mark = "\t" if kind.endswith("tsv") else ","
        rows = [mark.join(("file", "transcript")), *(f"clips/{i:02}.wav{mark}{t}" for i, t in enumerate(texts))]
        (tmp_path / kind).write_text("\n".join(rows))
    source = find(str(tmp_path))
    assert isinstance(source.task, Transcriber) and len(source.x_train) == 24 and len(source.x_test) == 6
    spelt = dict(zip([*source.x_train, *source.x_test], [*source.y_train, *source.y_test], strict=True))
    assert [spelt[name] for name in sorted(spelt)] == texts
    x, y = Sounds.learned(sorted(spelt)).labelled(tmp_path, None)
    assert x.shape[0] == 30 and list(y) == texts


def test_readers_and_targets_survive_a_file():
    for thing in (Sounds(8000, 400, False), Transcripts("ab c", "beam_search", 7)):
        assert from_json(to_json(thing)).get_config() == thing.get_config()


def test_waves_of_whole_numbers_are_taken_by_the_size_of_their_type():
    reader = Sounds(8000, 3, level=False)
    for dtype, values in (("int16", [0, 16384, -32767]), ("uint8", [128, 192, 1]), ("float64", [0, 0.5, -1])):
        np.testing.assert_allclose(reader.encoded([np.array(values, dtype)]), [[0, 0.5, -1]], atol=0.01)
    assert not Sounds(8000, 3).encoded([np.zeros(2)]).any()


def test_error_rates_of_transcripts():
    target = Transcripts("abc")
    outputs = np.eye(4)[[[1, 1, 0, 2], [3, 3, 3, 3]]]
    result = target.scored(outputs, target.asked(["ab", "cb"]))
    assert (result["character_error_rate"], result["word_error_rate"], result["exact"]) == (0.25, 0.5, 0.5)
    assert "25.00%" in " ".join(target.told(result, "sounds")) and len(target.tiles(result)) == 3
    assert target.table(["x.wav", "y.wav"], outputs)[1] == [["x.wav", "ab"], ["y.wav", "c"]]
    assert target.as_json(["x.wav"], outputs[:1]) == [{"file": "x.wav", "answer": "ab"}]


def test_transcripts_are_one_in_both_normal_forms():
    target = Transcripts.learned(["\u00e9a", "e\u0301"])
    assert target.characters == "a\u00e9" and target.encoded(["e\u0301a"]).tolist() == [[2, 1]]
    assert target.asked(["e\u0301"]) == ["\u00e9"]
    old = from_json({"kind": "target", "class": "Transcripts", "config": {"characters": "ae\u0301"}})
    assert old.encoded(["e\u0301"]).tolist() == [[2, 3]] and old.asked(["e\u0301"]) == ["e\u0301"]


def test_a_character_that_a_model_does_not_know_is_an_error_and_no_end():
    target = Transcripts("abc")
    with pytest.warns(UserWarning, match="1 of 2 transcripts hold characters that the model does not know, ' d'"):
        asked = target.asked(["ab", "cd b"])
    result = target.scored(np.eye(4)[[[1, 1, 0, 2], [3, 0, 2, 2]]], asked)
    assert (result["character_error_rate"], result["word_error_rate"], result["exact"]) == (2 / 6, 2 / 3, 0.5)


# what cannot be learned -----------------------------------------------------------------------------------------------
def broken(place, what):
    """A folder of two classes, one file of it wrong."""
    for letter in "ab":
        (place / letter).mkdir(parents=True)
        for i in range(3):
            soundfile.write(place / letter / f"{i}.wav", tone(letter), RATE)
    wrong = place / "a" / "1.wav"
    if what == "empty":
        soundfile.write(wrong, np.zeros(0), RATE)
    elif what == "cut":
        wrong.write_bytes(wrong.read_bytes()[:-100])
    elif what == "lying":  # the data chunk says more than there is, and so does the whole
        content = bytearray(wrong.read_bytes())
        content[4:8], content[40:44] = b"\xff" * 4, (2**31 - 64).to_bytes(4, "little")
        wrong.write_bytes(content)
    elif what == "text":
        wrong.write_text("hello")
    return [str(place / letter / f"{i}.wav") for letter in "ab" for i in range(3)], list("aaabbb")


@pytest.mark.parametrize(
    ("what", "text"), [("empty", "no samples"), ("cut", "the file is cut"), ("text", "cannot be read as a sound")]
)
def test_wrong_files_are_named(tmp_path, what, text):
    files, labels = broken(tmp_path / "tones", what)
    with pytest.raises(DataFileError, match=text) as caught:
        SpeechClassifier(epochs=1, **QUICK).fit(files, labels)
    assert "1.wav" in str(caught.value)


def test_all_wrong_files_of_a_folder_are_named(tmp_path):
    files, labels = broken(tmp_path / "tones", "text")
    Path(files[-1]).write_bytes(b"")
    soundfile.write(files[2], tone("a") * np.nan, RATE, subtype="FLOAT")  # only its samples tell it
    with pytest.raises(DataFileError, match="3 of 6 files cannot be read; mend or remove them") as caught:
        SpeechClassifier(epochs=1, **QUICK).fit(files, labels)
    assert all(name in str(caught.value) for name in (files[1], files[2], f"{files[-1]}: the file is empty", "on_bad"))
    assert "<_io" not in str(caught.value)


def test_files_that_cannot_be_read_are_left_out_where_that_is_said(tmp_path):
    files, labels = broken(tmp_path / "tones", "text")
    soundfile.write(files[2], tone("a") * np.nan, RATE, subtype="FLOAT")
    with pytest.warns(UserWarning, match="2 of 6 files are left out"):
        task = SpeechClassifier(epochs=1, on_bad="skip", **QUICK).prepare(files, labels)
    assert len(task.rows.x) == 4 and task.rows.y.tolist() == [0, 1, 1, 1]
    with pytest.raises(DataFileError, match="2 of 2 files cannot be read"):
        SpeechClassifier(on_bad="skip", **QUICK).prepare(files[1:3], ["a", "b"])


def test_sounds_that_are_cut_or_silent_are_told():
    sounds = [tone("a", 0.1) for _ in range(6)]
    reader = Sounds.learned(sounds, RATE)
    with pytest.warns(UserWarning) as told:
        reader.encoded([*sounds, np.zeros(9), tone("a", 60.0)])
    texts = [str(warning.message) for warning in told]
    assert len(texts) == 2 and "1 of 8 sounds are longer than the 0.1" in texts[0] and "first: row 7" in texts[0]
    assert "1 of 8 sounds are all silence, the first: row 6" in texts[1]


def test_a_lying_header_takes_no_memory(tmp_path):
    files, _ = broken(tmp_path / "tones", "lying")
    reader = Sounds.learned(files)
    assert reader.samples < 30 * RATE
    assert reader.encoded(files).shape == (6, reader.samples)


ONE, TWO, FAR = ["a"] * 9, list("ababababa"), ["abc" * 99] * 9
WRONG = [
    (lambda s: SpeechClassifier().fit(s, TWO), "give sampling_rate="),
    (lambda s: SpeechClassifier(sampling_rate=RATE).fit(s, ONE), "all rows are of one class, 'a'"),
    (lambda s: SpeechClassifier(sampling_rate=RATE).fit([*s[:8], s[0][:0]], TWO), "row 8: the sound has no samples"),
    (lambda s: SpeechClassifier(sampling_rate=RATE).fit([x[:, None] for x in s], TWO), r"\(samples,\)"),
    (lambda s: SpeechClassifier(sampling_rate=RATE).fit([*s[:8], s[0] * np.nan], TWO), "row 8: sample 0 is not finite"),
    (lambda s: Transcriber(sampling_rate=RATE).fit(s, [1] * 9), "row 0: expected a text"),
    (lambda s: Transcriber(sampling_rate=RATE).fit(s, [""] * 9), "all transcripts are empty"),
    (lambda s: Transcriber(sampling_rate=RATE, epochs=1, **QUICK).fit(s, FAR), "the model's output has"),
    (lambda s: Transcripts("ab").encoded(["ab", "abd"]), "row 1: the model does not know the character 'd'"),
    (lambda s: Transcripts("aa"), "characters, each once"),
]


@pytest.mark.parametrize(("wrong", "text"), WRONG)
def test_what_cannot_be_learned_is_told(wrong, text):
    with pytest.raises(ValueError, match=text):
        wrong(words(9)[0])


def test_sequences_are_learned_whatever_their_units():
    """A feature that is a thousand times as large as another, and far from 0, hides nothing."""
    lengths = RNG.integers(4, 9, 60)
    x, y = np.zeros((60, 8, 2), "float32"), np.arange(60) % 2
    for row, length in enumerate(lengths):
        x[row, :length, 0] = 5000 + 1000 * RNG.normal(size=length)
        x[row, :length, 1] = np.sin(np.arange(length) * (1 + y[row]))
    task = SequenceClassifier(epochs=30, validation=0, verbose=0).fit(x, y)
    assert task.score(x, y) > 0.95


def test_averages_of_few_steps_reach_over_a_tenth_of_them():
    sounds = [np.sin(np.arange(800) * (0.1 + 0.2 * (i % 2))) for i in range(40)]
    for epochs, momentum in ((12, 1 - 10 / 24), (2000, 0.99)):
        options = {"sampling_rate": 8000, "validation": 0, "batch_size": 20, "epochs": epochs, "verbose": 0}
        task = SpeechClassifier(**options).prepare(sounds, ["low", "high"] * 20)
        found = {layer.momentum for layer in task.model.layers if isinstance(layer, layers.BatchNormalization)}
        assert sorted(found) == pytest.approx([momentum])
