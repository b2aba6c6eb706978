"""What fit returns: its numbers, its table, its picture."""

import csv
from pathlib import Path

import numpy as np
import pytest

import freedive as fd
from freedive.callbacks import History

ROWS = [
    {"loss": 0.9, "accuracy": 0.5},
    {"loss": 0.5, "accuracy": 0.7, "val_loss": 0.8, "val_accuracy": 0.6},
    {"loss": 0.4, "accuracy": 0.8},
    {"loss": 0.3, "accuracy": 0.9, "val_loss": 0.85, "val_accuracy": 0.7, "confusion": np.eye(2)},
]


@pytest.fixture
def history():
    told = History()
    for epoch, logs in enumerate(ROWS):
        told.on_epoch_end(epoch, logs)
    return told


def test_numbers(history):
    assert history.epoch == [0, 1, 2, 3]
    assert history.history["loss"] == [0.9, 0.5, 0.4, 0.3]
    assert history.history["val_loss"] == [0.8, 0.85]
    assert history.curve("val_loss") == ([1, 3], [0.8, 0.85])
    assert history.scalars() == ["loss", "accuracy", "val_loss", "val_accuracy"]


def test_fit_returns_it(fitted):
    model, fit = fitted(epochs=3)
    history = fit()
    assert history.epoch == [0, 1, 2] and sorted(history.history) == ["loss", "mae", "val_loss", "val_mae"]
    assert history.model is model is not None and history.params["epochs"] == 3
    again = fit(epochs=2)
    assert len(history.epoch) == 3 and len(again.epoch) == 2 and model.history is again


@pytest.mark.parametrize(
    "monitor, mode, best",
    [
        ("loss", "auto", (3, 0.3)),
        ("val_loss", "auto", (1, 0.8)),
        ("val_accuracy", "auto", (3, 0.7)),
        ("loss", "max", (0, 0.9)),
    ],
)
def test_best(history, monitor, mode, best):
    assert history.best(monitor, mode) == best


@pytest.mark.parametrize(
    "logs, monitor, message",
    [
        ({"loss": 1.0}, "los", "unknown result 'los'. Did you mean 'loss'"),
        ({"mean": 1.0}, "mean", "pass mode="),
        ({"loss": float("nan")}, "loss", "none of its numbers is finite"),
    ],
)
def test_no_best(logs, monitor, message):
    history = History()
    history.on_epoch_end(0, logs)
    with pytest.raises(ValueError, match=message):
        history.best(monitor)


def test_csv(history, tmp_path):
    history.to_csv(tmp_path / "h.csv")
    with open(tmp_path / "h.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert rows[1] == ["0", "0.9", "0.5", "", ""] and rows[4] == ["3", "0.3", "0.9", "0.85", "0.7"]


def test_how_it_shows_itself(history):
    last = "loss 0.3000, accuracy 0.9000, val_loss 0.8500, val_accuracy 0.7000"
    assert repr(history) == f"History(4 epochs, the last: {last})"
    assert repr(History()) == "History(0 epochs)"
    page = history._repr_html_()
    assert "<td>loss</td><td>0.3000</td><td>0.3000 (4)</td><td>0.8500</td><td>0.8000 (2)</td>" in page
    history.on_epoch_end(4, {"<b>loss": 1.0})
    assert "<b>" not in history._repr_html_()


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def test_plot_has_a_panel_for_each_result(history, tmp_path):
    figure = history.plot(path=tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert [ax.get_title() for ax in figure.axes] == ["loss", "accuracy"]
    loss = lines(figure.axes[0])
    np.testing.assert_array_equal(loss["training"].get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(loss["validation"].get_xdata(), [2, 4])
    assert (loss["training"].get_linestyle(), loss["validation"].get_linestyle()) == ("-", "--")
    assert loss["best 0.8 in epoch 2"].get_xdata() == [2]
    assert "best 0.7 in epoch 4" in lines(figure.axes[1])


def test_plot_of_some_on_axes_that_are_there(history):
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    assert history.plot("val_accuracy", ax=ax) is figure
    assert ax.get_title() == "accuracy"
    plt.close(figure)
    figure, axes = plt.subplots(1, 3)
    with pytest.raises(ValueError, match=r"2 panels .* received 3 axes"):
        history.plot(ax=axes)
    plt.close(figure)


def test_plot_refuses(history):
    with pytest.raises(ValueError, match=r"unknown result 'acuracy'. Did you mean 'accuracy'"):
        history.plot("acuracy")
    for place in ("curves.png", Path("figures/loss.PDF")):
        with pytest.raises(ValueError, match=f"first come names of results. To save it, pass path='{place}'"):
            history.plot(place)
    with pytest.raises(ValueError, match="nothing to draw yet"):
        History().plot()


def test_drawing_is_imported_when_something_is_drawn():
    import subprocess
    import sys

    code = "import sys, freedive; print([m for m in ('matplotlib', 'rich', 'pandas', 'keras') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_it_goes_on_from_its_state(history):
    later = History()
    later.on_train_begin()
    later.set_state(history.get_state())
    later.on_epoch_end(4, {"loss": 0.2, "val_loss": 0.7})
    assert later.epoch == [0, 1, 2, 3, 4] and later.curve("val_loss") == ([1, 3, 4], [0.8, 0.85, 0.7])
    assert fd.callbacks.History is History
