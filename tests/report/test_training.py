"""The report page read back: its numbers, its pictures, that it is whole, safe and needs nothing else."""

import base64
import html.parser
import io
import re

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics as sk

from freedive.report import TrainingReport, gallery

CLASSES = ["cat", "dog", "<b>owl</b>"]


class Page(html.parser.HTMLParser):
    """Tags in order, tables as rows of texts, everything that could be fetched; unbalanced tags are an error."""

    VOID = {"meta", "img", "br", "link", "input", "hr"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.tables, self.addresses, self.headings = [], [], [], [], []
        self.feed(text)
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.addresses += [value for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "h2":
            self.headings.append("")

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data
        if "h2" in self.open:
            self.headings[-1] += data


def made(rows=60, kind="pictures", **changes):
    draw = np.random.default_rng(0)
    true = draw.integers(0, 3, rows)
    given = draw.dirichlet(np.ones(3), rows)
    given[np.arange(rows), true] += 0.4
    given /= given.sum(1, keepdims=True)
    shown = (
        draw.integers(0, 256, (rows, 8, 8), dtype=np.uint8)
        if kind == "pictures"
        else [f"row <{i}>" for i in range(rows)]
    )
    history = {"loss": [0.9, 0.5], "accuracy": [0.5, 0.8], "val_loss": [0.8, 0.6], "val_accuracy": [0.6, 0.7]}
    fields = {
        "title": "Pets & <friends>",
        "result": "It is good.",
        "tiles": [("test accuracy", "90%")],
        "history": history,
        "kept": 2,
        "classes": CLASSES,
        "y_true": true,
        "probabilities": given,
        "samples": shown,
        "summary": [("dense", "Dense", "(3,)", 1234)],
        "setup": [("seed", 0)],
        "seconds": {"compile": 1.0, "train": 3.0},
        "use": [("In Python", 'print("<hello>")')],
    }
    return TrainingReport(**{**fields, **changes})


def test_the_page_is_whole_and_fetches_nothing():
    text = made().html()
    page = Page(text)
    assert text.startswith("<!doctype html>")
    assert page.headings == [
        "How it learned", "Confusion matrix", "Class by class", "The worst mistakes", "Time", "The network",
        "Use it next", "The set-up",
    ]  # fmt: skip
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert "http" not in text and "url(" not in text and "@import" not in text


def test_text_from_data_is_never_html():
    text = made(kind="texts").html()
    assert "<b>owl</b>" not in text and "&lt;b&gt;owl&lt;/b&gt;" in text
    assert "<friends>" not in text and "row <" not in text and "<hello>" not in text


def test_the_numbers_are_right():
    report = made()
    said = report.probabilities.argmax(1)
    _, matrix, scores, network = Page(report.html()).tables
    cells = np.array([[int(cell) for cell in row[1:]] for row in matrix[1:]])
    np.testing.assert_array_equal(cells, sk.confusion_matrix(report.y_true, said))
    precision, recall, f1, rows = sk.precision_recall_fscore_support(report.y_true, said)
    for k, name in enumerate(CLASSES):
        assert scores[k + 1] == [name, f"{precision[k]:.1%}", f"{recall[k]:.1%}", f"{f1[k]:.1%}", str(rows[k])]
    assert scores[4][:3] == ["mean", f"{precision.mean():.1%}", f"{recall.mean():.1%}"]
    assert network[1] == ["dense", "Dense", "(3,)", "1,234"]


def test_mistakes_are_shown_as_they_are():
    report = made()
    said = report.probabilities.argmax(1)
    wrong = np.flatnonzero(said != report.y_true)
    images = [attributes for tag, attributes in Page(report.html()).tags if tag == "img"]
    assert len(images) == min(24, len(wrong))
    surest = wrong[np.argmax(report.probabilities[wrong, said[wrong]])]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(images[0]["src"].split(",")[1]))))
    np.testing.assert_array_equal(pixels, report.samples[surest])
    alt = f"test row {surest}: is {CLASSES[report.y_true[surest]]}, called {CLASSES[said[surest]]}"
    assert images[0]["alt"] == alt


def test_every_epoch_stands_in_a_table():
    numbers = Page(made().html()).tables[0]
    assert numbers == [
        ["epoch", "loss", "accuracy", "val loss", "val accuracy"],
        ["1", "0.9", "0.5", "0.8", "0.6"],
        ["2", "0.5", "0.8", "0.6", "0.7"],
    ]


def test_numbers_of_members_stay_out():
    history = {"loss": [0.9, 0.5], "loss_members": [np.array([0.8, 1.0]), np.array([0.4, 0.6])]}
    assert Page(made(history=history).html()).tables[0][0] == ["epoch", "loss"]


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"history": {}}, "How it learned"),
        ({"classes": ()}, "Confusion matrix"),
        ({"samples": None}, "The worst mistakes"),
        ({"seconds": {}}, "Time"),
        ({"summary": ()}, "The network"),
        ({"setup": ()}, "The set-up"),
        ({"use": ()}, "Use it next"),
    ],
)
def test_what_is_not_known_is_left_out(changes, missing):
    page = Page(made(**changes).html())
    assert missing not in page.headings
    assert len(page.headings) >= 5


def test_a_perfect_answer_has_no_mistakes():
    report = made()
    report.probabilities = np.eye(3)[report.y_true]
    assert "None: every test row was called what it is." in report.html()


def test_many_classes_are_listed_by_their_confusions():
    draw = np.random.default_rng(1)
    true, given = draw.integers(0, 30, 400), draw.dirichlet(np.ones(30), 400)
    page = Page(made(classes=[f"c{i}" for i in range(30)], y_true=true, probabilities=given, samples=None).html())
    assert "The most frequent confusions" in page.headings and "Confusion matrix" not in page.headings
    counts = [int(row[2]) for row in page.tables[1][1:]]
    assert counts == sorted(counts, reverse=True) and len(counts) == 10


def test_parts_of_the_bar_are_parts_of_the_time():
    text = made().html()
    assert re.findall(r"flex-grow:([\d.]+)", text) == ["0.25000", "0.75000"]
    assert "<b>4.0 s</b> in all" in text


def test_what_a_generative_model_made_is_shown_from_the_first_to_the_last():
    grids = [(f"epoch {i}", np.full((4, 6, 1), i, np.uint8)) for i in range(1, 31)]
    page = TrainingReport("GAN", "It made digits.", made=grids).html()
    shown = re.findall(r'alt="samples, (epoch \d+)"', page)
    assert len(shown) == 6 and shown[0] == "epoch 1" and shown[-1] == "epoch 30"
    assert "What it made" not in TrainingReport("GAN", "It made nothing.").html()


def test_pictures_between_two_stand_in_a_section_of_their_own():
    path = np.linspace(0, 1, 3 * 5).reshape(3, 5, 1, 1, 1) * np.ones((3, 5, 4, 6, 1))
    section = gallery("From one to another", [("three lines", path), ("a picture", np.zeros((4, 4)))])
    page = TrainingReport("VAE", "It learned.", sections=[section]).html()
    shown = re.findall(r'src="data:image/png;base64,([^"]+)" alt="samples, ([^"]+)"', page)
    assert [caption for _, caption in shown] == ["three lines", "a picture"]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(shown[0][0]))))
    assert pixels.shape == (3 * 4, 5 * 6) and "From one to another" in page
    assert (pixels[::4, ::6] == np.rint(np.linspace(0, 255, 15)).reshape(3, 5)).all()
