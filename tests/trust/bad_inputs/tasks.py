"""What is handed to tasks, networks by name, vocabularies and the encoders of tables."""

import numpy as np

import freedive as fd
from freedive import preprocessing as pre
from freedive.networks import Beam, Sample, pictures

from .models import NAN, RNG, X, Y, put

PICTURES = RNG.integers(0, 255, (40, 12, 12)).astype(np.uint8)
WAVE, SERIES = RNG.normal(size=800), np.sin(np.arange(200.0))
QUICK = {"epochs": 1, "verbose": 0}


def task(kind, x, y, **more):
    """What fits a task with these rows, or others."""

    def made(x=x, y=y, **options):
        return lambda: kind(**(QUICK | more | options)).fit(x, y)

    return made


image = task(fd.ImageClassifier, PICTURES, Y)
table = task(fd.TabularClassifier, X, Y)
amount = task(fd.TabularRegressor, X, X[:, 0])
text = task(fd.TextClassifier, ["a b", "c d"] * 20, [0, 1] * 20)
series = task(fd.Forecaster, SERIES, None, horizon=3)
sequence = task(fd.SequenceClassifier, RNG.normal(size=(40, 6, 2)), Y)
sound = task(fd.SpeechClassifier, [WAVE] * 40, Y, sampling_rate=8000)
transcript = task(fd.Transcriber, [WAVE] * 30, ["a"] * 30, sampling_rate=8000)
translation = task(fd.Translator, ["a b"] * 30, ["c d"] * 30)


def validated(held):
    return lambda: fd.ImageClassifier(**QUICK).fit(PICTURES, Y, validation_data=held)


def encoder(columns, **options):
    return lambda: pre.TableEncoder.learned(columns, **options)


REFUSED = {
    "task without y": (image(y=None), "requires y to be passed"),
    "task of lengths": (image(y=Y[:3]), "ImageClassifier.fit: X has 40 rows, but y has 3"),
    "task of nothing": (image(PICTURES[:0], Y[:0]), "there are no rows"),
    "task of None": (image(None), r"ImageClassifier.fit\(X=...\): expected rows"),
    "task of a number": (image(3), "or a table. Received: 3"),
    "task of one class": (image(y=Y * 0), "all rows are of one class, 0"),
    "task of missing labels": (image(y=[None] * 40), r"fit\(y=...\): the label in row 0 is missing"),
    "task of nan labels": (image(y=put(Y * 1.0, 7, NAN)), "the label in row 7 is missing"),
    "task of odd labels": (image(y=[object()] * 40), "y: expected texts or numbers as classes"),
    "task of other classes": (image(classes=[0, 1]), "row .*: the class 2 is none of the model's: 0, 1"),
    "task epochs 0": (image(epochs=0), r"ImageClassifier\(epochs=0\)"),
    "task rate -1": (image(learning_rate=-1.0), r"ImageClassifier\(learning_rate=-1.0\)"),
    "task optimizer": (image(optimizer="adm"), "Did you mean 'adam'"),
    "task validation 2": (image(validation=2.0), r"ImageClassifier\(validation=2.0\)"),
    "task validated by 3": (validated(3), r"fit\(validation_data=...\): expected \(X, y\). Received: 3"),
    "task validated by lengths": (validated((PICTURES, Y[:3])), r"validation_data=...\): X has 40 rows, but y has 3"),
    "task validated by classes": (validated((PICTURES, Y + 5)), "is none of the model's"),
    "task class_weight": (image(class_weight="x"), "expected None, 'balanced', or a dict"),
    "task weight of no class": (image(class_weight={9: 1.0}), "the class 9 is none of the model's"),
    "task weight nan": (image(class_weight={0: NAN}), "expected a number. Received: NaN"),
    "task a slip": (lambda: fd.ImageClassifier(epoch=3), "Did you mean 'epochs'"),
    "task not fitted": (lambda: fd.ImageClassifier().predict(PICTURES), "is not fitted yet"),
    "task from nowhere": (lambda: fd.ImageClassifier.load("/nowhere"), "no such file"),
    "pictures of nan": (image(PICTURES * NAN), "pixels from nan to nan"),
    "pictures of light 300": (image(PICTURES * 300.0), "expected 0 to 255, or floats from 0 to 1"),
    "pictures of objects": (image([object()] * 40), "expected pictures of numbers"),
    "pictures that are not there": (image(["/nowhere/a.png"] * 40), "a.png: there is no such file"),
    "pictures of size -1": (image(size=-1), r"ImageClassifier\(size=-1\): expected more than 0"),
    "pictures of size text": (image(size="a"), r"ImageClassifier\(size='a'\): expected a whole number"),
    "pictures of a network": (image(network="x"), "expected one of None, 'cnn'"),
    "table of None": (table(None), "expected rows of columns"),
    "table with inf": (table(put(X, (3, 1), np.inf)), "column 'column_1' holds inf in row 3"),
    "table of one axis": (table(X[:, 0]), r"x\[:, None\] for one column"),
    "table of constants": (table(X * 0), "no column tells rows apart"),
    "table of lengths": (table({"a": [1] * 40, "b": [1] * 3}), "the columns have different lengths"),
    "table of objects": (table({"a": [1] * 39 + [object()]}), r"X\['a'\]: every cell"),
    "amounts of text": (amount(y=["a"] * 40), "could not convert|expected amounts|expected numbers"),
    "amounts of nan": (amount(y=X[:, 0] * NAN), "Input y contains nan in row 0"),
    "texts of numbers": (text([3] * 40), "row 0: expected a text. Received: 3"),
    "texts that are missing": (text(["a"] * 39 + [NAN]), "row 39: expected a text. Received: nan"),
    "texts that are empty": (text([""] * 40), "all texts are empty"),
    "texts as one": (text("a b"), r"TextClassifier.fit\(X=...\): expected rows"),
    "texts by a vocabulary 3": (text(vocabulary=3), "expected 'words', 'characters', 'byte pairs' or a Vocabulary"),
    "series too short": (series(np.arange(3.0)), "the series has 3 steps"),
    "series of nan": (series(SERIES * NAN), "nan at row 0 of 'value'"),
    "series of text": (series(["a"] * 200), "series: expected rows of columns"),
    "series of horizon 0": (series(horizon=0), r"Forecaster\(horizon=0\)"),
    "sequences of nan": (sequence(np.full((40, 6, 2), NAN)), "missing or infinite"),
    "sequences of lengths": (sequence([np.ones((3, 2)), np.ones((4, 2))] * 20), "Pad them|expected .rows, time"),
    "sequences of numbers": (sequence(X), r"expected \(rows, time, features\)"),
    "sequences of text": (sequence(["a"] * 40), r"SequenceClassifier.fit\(X=...\): expected numbers"),
    "sounds of nothing": (sound([np.zeros(0)] * 40), "row 0: the sound has no samples"),
    "sounds of nan": (sound([WAVE * NAN] * 40), "row 0: sample 0 is not finite"),
    "sounds without a rate": (sound(sampling_rate=None), "give sampling_rate="),
    "sounds that are not there": (sound(["/nowhere.wav"] * 40), "no such file"),
    "transcripts that are empty": (transcript(y=[""] * 30), "all transcripts are empty"),
    "transcripts too long": (transcript(y=["ab" * 99] * 30), "need 198 frames"),
    "translations of numbers": (translation([3] * 30), r"fit\(X=...\): row 0: expected a text. Received: 3"),
    "translations that are empty": (translation([""] * 30), "row 0: expected a text"),
    # networks, vocabularies, encoders
    "cnn of rows": (lambda: pictures.cnn((4,)), "expected 4 axes"),
    "cnn of text": (lambda: pictures.cnn("abc"), "expects the shape of one sample"),
    "vit of patch 0": (lambda: pictures.vit((8, 8, 1), patch=0), r"vit\(patch=0\): expected more than 0"),
    "vit of patch 99": (lambda: pictures.vit((8, 8, 1), patch=99), r"vit\(patch=99\): expected the side of a part"),
    "mobilenet of width -1": (lambda: pictures.mobilenet((8, 8, 3), width=-1), r"mobilenet\(width=-1\)"),
    "beam of 0": (lambda: Beam(0), r"Beam\(width=0\)"),
    "sample at 0": (lambda: Sample(temperature=0), r"Sample\(temperature=0\)"),
    "vocabulary of 3": (lambda: pre.WordVocabulary.learned(3), "expected a list of texts. Received: 3"),
    "vocabulary of one text": (lambda: pre.WordVocabulary.learned("a b"), "put it into a list"),
    "vocabulary of None": (lambda: pre.WordVocabulary.learned(["a", None]), "row 1: expected a text. Received: None"),
    "vocabulary of 3 numbers": (lambda: pre.WordVocabulary.learned(["a"], size=3), "size=3: expected a whole number"),
    "vocabulary twice": (lambda: pre.WordVocabulary(["a", "a"]), "word 1: 'a' stands twice"),
    "vocabulary decodes 99": (lambda: pre.WordVocabulary(["a"]).decode([99]), "99 is none of the numbers"),
    "vocabulary rows of -1": (lambda: pre.WordVocabulary(["a"]).rows(["a"], -1), r"rows\(length=-1\)"),
    "encoder of None": (encoder(None), "expected rows of columns"),
    "encoder of inf": (encoder({"a": [1, np.inf]}), "column 'a' holds inf in row 1"),
    "encoder of 400 digits": (encoder({"a": [10**400, 2]}), r"x\['a'\]: a number of 401 digits is too large"),
    "encoder of other kinds": (
        lambda: encoder({"a": [1, 2]})().encoded({"a": ["x", "y"]}),
        "column 'a', row 0: 'x' is no number",
    ),
    "split by 2.5": (lambda: pre.train_test_split(X, Y, test_size=2.5), "test_size=2.5"),
}
