"""Family 27: what a file says of its task beside the model: reader, vocabulary, encoder, target."""

import functools
import json
import tempfile
from pathlib import Path

import freedive as fd
from freedive.files import read_tensors, write_tensors
from freedive.layers import Dense, Embedding, GlobalAveragePooling1D
from freedive.preprocessing import WordVocabulary
from freedive.tasks import About, Classes, modelfile
from freedive.tasks.reading import Texts

WORDS = {"kind": "vocabulary", "class": "WordVocabulary", "config": {"words": ["good", "bad"]}}


@functools.cache
def valid():
    """(tensors, metadata) of a task's file."""
    model = fd.Sequential([fd.Input((4,), dtype="int32"), Embedding(6, 2), GlobalAveragePooling1D(), Dense(2)])
    about = About(
        "texts", fd.TextClassifier(epochs=3), Texts(WordVocabulary(["good", "bad"]), 4), Classes(["no", "yes"])
    )
    with tempfile.TemporaryDirectory() as folder:
        modelfile.save(model, str(Path(folder) / "m"), about)
        return read_tensors(Path(folder) / "m")


def said(text):
    """What writes a file whose description is this text, with right checksums."""

    def make(path):
        tensors, metadata = valid()
        write_tensors(path, tensors, metadata | {"about": text})

    return make


def told(change):
    """What writes a file after `change(description)`."""

    def make(path):
        about = json.loads(valid()[1]["about"])
        change(about)
        said(json.dumps(about))(path)

    return make


def part(name, kind, cls, **config):
    return told(lambda about: about.update({name: {"kind": kind, "class": cls, "config": config}}))


def reader(cls, **config):
    return part("reader", "reader", cls, **config)


def vocabulary(cls, **config):
    return reader("Texts", vocabulary={"kind": "vocabulary", "class": cls, "config": config}, length=4)


def tokenizers(text):
    return vocabulary("TokenizersVocabulary", lines=[text])


def columns(*those):
    encoder = {"kind": "preprocessing", "class": "TableEncoder", "config": {"columns": list(those)}}
    return reader("Columns", encoder=encoder, names=["a"])


def column(cls, **config):
    return {"kind": "column", "class": cls, "config": {"name": "a", "gaps": False} | config}


PATTERN = {"model": {"type": "WordLevel", "vocab": {}}, "pre_tokenizer": {"pattern": {"Regex": "(a+)+$"}}}
DOUBLING = [[260, 260], *([260 + n, 260 + n] for n in range(1, 40))]
FAMILIES = {
    27: {
        "not JSON": ("CONFIG_SYNTAX", said("{oops}")),
        "a list": ("CONFIG_SYNTAX", said("[]")),
        "nested 100,000 deep": ("CONFIG_LIMIT", said('{"data":' + "[" * 100_000 + "]" * 100_000 + "}")),
        "a key twice": ("CONFIG_LIMIT", said('{"data":"a","data":"b"}')),
        "NaN": ("CONFIG_LIMIT", said('{"test":{"loss":NaN}}')),
        "an unknown field": ("BAD_FIELD", told(lambda about: about.update(hook="os.system"))),
        "results as text": ("BAD_FIELD", told(lambda about: about.update(test="fine"))),
        "a task of the system": ("UNKNOWN_CLASS", part("task", "task", "Popen", args="ls")),
        "a task of another kind": ("BAD_FIELD", part("task", "reader", "Numbers", shape=[4])),
        "a task's epochs as text": ("BAD_FIELD", part("task", "task", "TextClassifier", epochs="3")),
        "a task's odd parameter": ("BAD_FIELD", part("task", "task", "TextClassifier", command="ls")),
        "a reader of the system": ("UNKNOWN_CLASS", reader("open", file="/etc/passwd")),
        "a reader as text": ("BAD_FIELD", told(lambda about: about.update(reader="/etc/passwd"))),
        "a reader with a path": ("BAD_FIELD", reader("Numbers", shape=[4], path="/etc/passwd")),
        "a target of the system": ("UNKNOWN_CLASS", part("target", "target", "eval")),
        "a target as a list": ("BAD_FIELD", told(lambda about: about.update(target=["no", "yes"]))),
        "a class twice": ("BAD_FIELD", part("target", "target", "Classes", values=["no", "no"])),
        "a class of a list": ("BAD_FIELD", part("target", "target", "Classes", values=[["no"], ["yes"]])),
        # rows of other sizes than the model takes
        "texts of 10**9 pieces": ("BAD_FIELD", reader("Texts", vocabulary=WORDS, length=10**9)),
        "sounds of 10**12 samples": ("BAD_FIELD", reader("Sounds", rate=8000, samples=10**12)),
        "pictures of 10**12 points": ("BAD_FIELD", reader("Pictures", shape=[10**6, 10**6])),
        "numbers of 10**18": ("BAD_FIELD", reader("Numbers", shape=[10**18])),
        "a table of another width": ("BAD_FIELD", columns(column("NumberColumn", mean=0.0, scale=1.0))),
        # vocabularies
        "a vocabulary as a path": ("BAD_FIELD", reader("Texts", vocabulary="/etc/passwd", length=4)),
        "an unknown vocabulary": ("UNKNOWN_CLASS", vocabulary("Pickled", path="/etc/passwd")),
        "a word twice": ("BAD_VOCAB", vocabulary("WordVocabulary", words=["good", "good"])),
        "a word that is a number": ("BAD_VOCAB", vocabulary("WordVocabulary", words=["good", 3])),
        "a word of 100,000 letters": ("BAD_VOCAB", vocabulary("WordVocabulary", words=["a" * 100_000])),
        "530,000 words": ("BAD_VOCAB", vocabulary("WordVocabulary", words=[f"{i:x}" for i in range(530_000)])),
        "words as one text": ("BAD_VOCAB", vocabulary("WordVocabulary", words="good")),
        "characters that are words": ("BAD_VOCAB", vocabulary("CharacterVocabulary", characters=["ab"])),
        "merges of what is not there": (
            "BAD_VOCAB",
            vocabulary("BytePairVocabulary", characters=["a"], merges=[[900, 1]]),
        ),
        "merges of themselves": ("BAD_VOCAB", vocabulary("BytePairVocabulary", characters=["a"], merges=[[261, 261]])),
        "merges that double": ("BAD_VOCAB", vocabulary("BytePairVocabulary", characters=["a"], merges=DOUBLING)),
        "merges of three": ("BAD_VOCAB", vocabulary("BytePairVocabulary", characters=["a"], merges=[[260, 260, 260]])),
        "merges of text": ("BAD_VOCAB", vocabulary("BytePairVocabulary", characters=["a"], merges=[["a", "a"]])),
        "a tokenizer that is no JSON": ("BAD_VOCAB", tokenizers("{oops}")),
        "a tokenizer 100,000 deep": ("BAD_VOCAB", tokenizers('{"model":' + "[" * 100_000 + "]" * 100_000 + "}")),
        "a tokenizer's pattern": ("BAD_VOCAB", tokenizers(json.dumps(PATTERN))),
        "a tokenizer of nothing": ("BAD_VOCAB", tokenizers('{"model":{}}')),
        # encoders of tables
        "no columns": ("BAD_FIELD", columns()),
        "a column twice": ("BAD_FIELD", columns(*[column("NumberColumn", mean=0.0, scale=1.0)] * 2)),
        "a column of the system": ("UNKNOWN_CLASS", columns(column("exec"))),
        "a column's mean as text": ("BAD_FIELD", columns(column("NumberColumn", mean="0", scale=1.0))),
        "a column's knots as text": ("BAD_FIELD", columns(column("NumberColumn", mean=0.0, scale=1.0, knots=["a"]))),
        "a column's odd calendar": (
            "UNKNOWN_CLASS",
            columns(column("DateColumn", mean=0.0, scale=1.0, parts=["aeon"])),
        ),
        "a column's values as numbers": ("BAD_FIELD", columns(column("CategoryColumn", values=[1, 2]))),
    },
}
