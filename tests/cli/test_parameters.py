"""What is typed behind --set: texts, JSON, and lists with commas."""

import pytest

import freedive as fd
from freedive.cli.options import Options
from freedive.cli.parameters import settled, told_by

TYPED = [
    (fd.Forecaster, "quantiles=0.1,0.5,0.9", (0.1, 0.5, 0.9)),
    (fd.Forecaster, "quantiles=0.5", (0.5,)),
    (fd.Forecaster, "quantiles=[0.1, 0.9]", (0.1, 0.9)),
    (fd.Forecaster, "network=tcn", "tcn"),
    (fd.Forecaster, 'options={"trend": 12}', {"trend": 12}),
    (fd.ImageClassifier, "size=48, 64", (48, 64)),
    (fd.ImageClassifier, "size=48", (48, 48)),
    (fd.ImageClassifier, "classes=cat,dog", ["cat", "dog"]),
    (fd.ImageClassifier, "turn=None", None),
    (fd.SpeechClassifier, "noise=10,50", (10, 50)),
    (fd.SpeechClassifier, "noise=null", None),
    (fd.TabularClassifier, "categories=code, zip", ("code", "zip")),
    (fd.TabularClassifier, "categories=code", ("code",)),
    (fd.TabularClassifier, "classes=1,2,3", [1, 2, 3]),
    (fd.TabularRegressor, 'options={"units": [64]}', {"units": [64]}),
    (fd.TextClassifier, "embeddings=one,two.txt", "one,two.txt"),
]


@pytest.mark.parametrize(("kind", "given", "expected"), TYPED, ids=[given for _, given, _ in TYPED])
def test_a_list_is_typed_with_commas_where_a_parameter_takes_one(kind, given, expected):
    task = settled(kind(), Options(set=[given], quiet=True))
    assert getattr(task, given.partition("=")[0]) == expected


@pytest.mark.parametrize(
    ("given", "marks"), [("-,n.a.", ["-", "n.a."]), ("-999", ["-999"]), ('["1,5"]', ["1,5"]), ("none", ["none"])]
)
def test_marks_of_no_value_are_texts(given, marks):
    assert told_by(Options(set=[f"missing={given}"])).reading["missing"][-len(marks) :] == marks
