"""What people see of a run: in a terminal, in a notebook, in a log file."""

import io
import re
import sys

import pytest

import freedive as fd
from freedive.callbacks import CallbackList, LambdaCallback, ProgressBar
from freedive.train import progress, screen
from freedive.train.screen import Screen, say


class Terminal(io.StringIO):
    """Takes what is written as a terminal of that width would, and knows what it shows."""

    encoding = "utf-8"

    def __init__(self, tty=True):
        super().__init__()
        self.tty, self.drawings = tty, 0

    def isatty(self):
        return self.tty

    @property
    def shown(self):
        """The lines that one sees, without colours."""
        lines, at = [[]], 0
        for char in re.findall(r"\x1b\[\d*m|.|\n", self.getvalue(), re.DOTALL):
            if char == "\n":
                lines.append([])
                at = 0
            elif char == "\r":
                at = 0
            elif char == "\b":
                at -= 1
            elif not char.startswith("\x1b"):
                lines[-1][at:] = [char, *lines[-1][at + 1 :]]
                at += 1
        return ["".join(line).rstrip() for line in lines]


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in ("freedive.train.progress", "freedive.train.clock"):
        monkeypatch.setattr(f"{module}.time", clock)
    return clock


@pytest.fixture
def terminal(monkeypatch):
    def make(tty=True, columns=100, **environment):
        made = Terminal(tty)
        for name in ("NO_COLOR", "TERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"COLUMNS": str(columns), "TERM": "xterm", **environment}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stdout", made)
        monkeypatch.setattr(screen.screen, "_shown", 0)
        return made

    return make


class Run:
    """A run of which an epoch has 10 steps, 2 of them validation; it takes a second a step."""

    def __init__(self, clock, callbacks, epochs=3, seconds=1.0, stream=None, late=0.0, **params):
        self.clock, self.seconds, self.epoch, self.at, self.stream, self.training = clock, seconds, 0, 0, stream, 8
        self.compiling, self.late = 0.0, late
        self.line = type("Line", (), {"training": 8, "steps": 10, "test": True})
        params = {"epochs": epochs, "steps": None if stream else 8, "verbose": "auto"} | params
        self.callbacks, self.epochs = CallbackList(callbacks, None, params), epochs

    def so_far(self):
        return {"loss": 1 / (self.at + 1)}

    def logs(self, epoch):
        return {"loss": 1 / (epoch + 1), "val_loss": 2e-4, "confusion": [[1, 0], [0, 1]]}

    def go(self, chunk, compiling=1.25, until=None):
        """Do the run in chunks of so many steps."""
        self.callbacks.on_train_begin()
        self.clock.now += compiling
        self.callbacks.on_compiled(compiling)
        self.callbacks.on_epoch_begin(0)
        while self.epoch < (until or self.epochs):
            steps = min(chunk, (self.epochs - self.epoch) * 10 - self.at)
            self.clock.now += steps * self.seconds + self.late
            self.compiling, self.late = self.compiling + self.late, 0.0
            first, (ended, self.at) = self.epoch, divmod(self.at + steps, 10)
            self.epoch += ended
            self.callbacks.on_chunk_end(self)
            for epoch in range(first, self.epoch):
                self.callbacks.on_epoch_end(epoch, self.logs(epoch))
                if epoch + 1 < self.epochs:
                    self.callbacks.on_epoch_begin(epoch + 1)
        self.callbacks.on_train_end()


def test_a_terminal(terminal, clock):
    made = terminal()
    Run(clock, ProgressBar(), epochs=2).go(chunk=3)
    bar = "━" * 20
    assert made.shown == [
        "compiling 1.2 s",
        "Epoch 1/2",
        f"8/8 {bar} 12s 2s/step - loss: 1.0000 - val_loss: 2.0000e-04",
        "Epoch 2/2",
        f"8/8 {bar} 8s 1s/step - loss: 0.5000 - val_loss: 2.0000e-04",
        "",
    ]


def test_what_is_compiled_in_an_epoch_is_not_its_pace(terminal, clock):
    made = terminal(tty=False)
    Run(clock, ProgressBar(), epochs=2, late=600.0).go(chunk=3)
    assert made.getvalue().splitlines()[1:] == [
        "Epoch 1/2 - 12s - 2s/step - loss: 1.0000 - val_loss: 2.0000e-04",
        "compiling 600.0 s beside, for batches of other shapes",
        "Epoch 2/2 - 8s - 1s/step - loss: 0.5000 - val_loss: 2.0000e-04",
    ]


def test_the_line_under_way(terminal, clock):
    made = terminal(NO_COLOR="1")  # colours tell the two parts of the bar apart, else their characters do
    run = Run(clock, ProgressBar(), epochs=2)
    seen = []
    run.callbacks = CallbackList([ProgressBar()], None, {"epochs": 2, "steps": 8})
    see = run.callbacks.on_chunk_end
    run.callbacks.on_chunk_end = lambda run: (see(run), seen.append(made.shown[-1]))
    run.go(chunk=4)
    assert seen[0] == "4/8 ━━━━━━━━━━────────── 4s 1s/step - loss: 0.2000"
    assert seen[1] == "8/8 ━━━━━━━━━━━━━━━━━━━━ 0us 1s/step - loss: 0.1111"
    assert seen[2] == ""  # an epoch ended: what other callbacks print begins on an empty line


def test_validation_under_way(terminal, clock):
    made = terminal()
    run = Run(clock, ProgressBar())
    run.callbacks.on_train_begin()
    run.callbacks.on_epoch_begin(0)
    run.at, clock.now = 9, clock.now + 9
    run.callbacks.on_chunk_end(run)
    assert made.shown[-1] == "8/8 ━━━━━━━━━━━━━━━━━━━━ 0us 1s/step - validating - loss: 0.1000"


@pytest.mark.parametrize("environment", [{}, {"TERM": "dumb"}])
def test_no_terminal(environment, terminal, clock):
    made = terminal(tty=bool(environment), **environment)
    Run(clock, ProgressBar()).go(chunk=30)
    assert made.getvalue().splitlines() == [
        "compiling 1.2 s",
        "Epoch 1/3 - 10s - 1s/step - loss: 1.0000 - val_loss: 2.0000e-04",
        "Epoch 2/3 - 10s - 1s/step - loss: 0.5000 - val_loss: 2.0000e-04",
        "Epoch 3/3 - 10s - 1s/step - loss: 0.3333 - val_loss: 2.0000e-04",
    ]


VERBOSE = [  # (verbose, in a terminal) -> lines of a run of 200 fast epochs
    (0, True, 0),
    (0, False, 0),
    ("auto", True, 20),
    ("auto", False, 20),
    (1, False, 20),
    (2, True, 200),
    (2, False, 200),
]


@pytest.mark.parametrize("verbose, tty, count", VERBOSE)
def test_many_fast_epochs(verbose, tty, count, terminal, clock):
    made = terminal(tty)
    Run(clock, ProgressBar(verbose), epochs=200, seconds=0.0005).go(chunk=500, compiling=0.1)
    lines = [line for line in made.shown if line]
    assert len(lines) == count
    if count == 20:
        assert lines[0] == "Epoch 10/200 - 5ms/epoch - loss: 0.1000 - val_loss: 2.0000e-04"
        assert lines[-1].startswith("Epoch 200/200")
    if count == 200:
        assert lines[7] == "Epoch 8/200 - 5ms - 625us/step - loss: 0.1250 - val_loss: 2.0000e-04"


def test_fast_epochs_are_drawn_five_times_a_second(terminal, clock):
    made = terminal()
    Run(clock, ProgressBar(), epochs=1007, seconds=0.001).go(chunk=10)  # 10 ms an epoch, 10 s in all
    assert made.getvalue().count("\r\x1b[1mEpoch") <= 55
    assert len(made.getvalue()) < 20000


def test_training_that_stops_between_two_lines_says_where(terminal, clock):
    made = terminal()
    Run(clock, ProgressBar(), epochs=1000, seconds=0.001).go(chunk=10, until=123)
    assert made.shown[-2].startswith("Epoch 123/1000 - ")


def test_what_is_said_at_the_end_comes_after_the_last_epoch(terminal, fitted):
    made = terminal()
    _, fit = fitted(epochs=200, verbose=1)
    stop = fd.callbacks.EarlyStopping("loss", min_delta=10, patience=66, verbose=1)
    fit(stop)
    assert made.shown[-3].startswith("Epoch 67/200 - ")
    assert made.shown[-2] == "Epoch 67: stopped, no better loss since epoch 1"


def test_a_stream_has_no_number_of_steps_before_its_end(terminal, clock):
    made = terminal()
    run = Run(clock, ProgressBar(), epochs=1, stream="stream")
    seen, see = [], run.callbacks.on_chunk_end
    run.callbacks.on_chunk_end = lambda run: (see(run), seen.append(made.shown[-1]))
    run.go(chunk=7)
    assert seen[0] == "7 batches - 7s 1s/step - loss: 0.1250"
    assert made.shown[-2] == "7/7 ━━━━━━━━━━━━━━━━━━━━ 10s 1s/step - loss: 1.0000 - val_loss: 2.0000e-04"


def test_what_others_print_stands_on_lines_of_its_own(terminal, clock):
    made = terminal()
    shout = LambdaCallback(on_epoch_end=lambda epoch, logs: print(f"mine {epoch}"))
    tell = LambdaCallback(on_epoch_begin=lambda *_: say("say"))
    Run(clock, [shout, tell, ProgressBar()], epochs=2).go(chunk=5)
    assert [line[:7] for line in made.shown] == [
        *("compili", "say", "Epoch 1", "mine 0", "8/8 ━━━", "say", "Epoch 2", "mine 1", "8/8 ━━━", "")
    ]


@pytest.mark.parametrize("columns", [20, 40, 61])
def test_the_line_under_way_never_wraps(columns, terminal, clock):
    made = terminal(columns=columns)
    run = Run(clock, ProgressBar(), epochs=3)
    run.so_far = lambda: {f"metric_{i}": 0.5 for i in range(9)}
    see = run.callbacks.on_chunk_end
    run.callbacks.on_chunk_end = lambda run: (see(run), longest.append(len(made.shown[-1])))
    longest = []
    run.go(chunk=3)
    assert 0 < max(longest) < columns


def test_colours_only_where_they_are_wanted(terminal, clock):
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        made = terminal(**environment)
        Run(clock, ProgressBar()).go(chunk=4)
        assert ("\x1b[" in made.getvalue()) == coloured


def test_a_terminal_that_has_no_bars(terminal, clock):
    made = terminal()
    made.encoding = "cp1252"
    Run(clock, ProgressBar(), epochs=1).go(chunk=10)
    assert made.shown[-2].startswith("8/8 ==================== 10s")


def test_a_notebook_is_redrawn_without_colours(clock, monkeypatch):
    made = type("OutStream", (Terminal,), {"__module__": "ipykernel.iostream"})(tty=False)
    Run(clock, ProgressBar(on=Screen(made)), epochs=1).go(chunk=4)
    assert "\r" in made.getvalue() and "\x1b" not in made.getvalue()
    assert made.shown[-2].startswith("8/8 ━━━━━━━━━━━━━━━━━━━━ 10s 1s/step - loss: 1.0000")


def test_an_interrupted_run_leaves_its_line(terminal, clock):
    made = terminal()
    bar = ProgressBar()
    run = Run(clock, bar)
    run.callbacks.on_train_begin()
    run.callbacks.on_epoch_begin(0)
    run.at, clock.now = 4, clock.now + 4
    run.callbacks.on_chunk_end(run)
    run.callbacks.on_interrupt(KeyboardInterrupt())
    print("Traceback")
    assert made.shown[-3].startswith("4/8") and made.shown[-2] == "Traceback"


@pytest.mark.parametrize("seconds, tty, lines", [(0.1, True, 0), (2.0, True, 1), (0.1, False, 0), (2.0, False, 0)])
def test_a_prediction_is_shown_if_it_takes_long(seconds, tty, lines, terminal, clock):
    made = terminal(tty)
    every = CallbackList(ProgressBar(), None, {"steps": 4})
    every.on_predict_begin()
    for batch in range(4):
        clock.now += seconds / 4
        every.on_predict_batch_end(batch)
    every.on_predict_end()
    assert len([line for line in made.shown if line]) == lines
    if lines:
        assert made.shown[0] == "4/4 ━━━━━━━━━━━━━━━━━━━━ 2s 500ms/step"


@pytest.mark.parametrize("tty, line", [(True, "4/4 ━━━━━━━━━━━━━━━━━━━━ 2s"), (False, "4/4 - 2s")])
def test_an_evaluation(tty, line, terminal, clock):
    made = terminal(tty)
    every = CallbackList(ProgressBar(), None, {"steps": 4})
    every.on_test_begin()
    for batch in range(4):
        clock.now += 0.5
        every.on_test_batch_end(batch, {"loss": 0.5})
    every.on_test_end({"loss": 0.25})
    assert made.shown == [f"{line} 500ms/step - loss: 0.2500", ""]


def test_wrong_verbose(clock):
    with pytest.raises(ValueError, match="verbose=3: expected"):
        CallbackList(ProgressBar(3), None, {}).on_train_begin()


def test_a_fit(terminal):
    made = terminal()
    x = [[0.0], [1.0], [2.0]]
    model = fd.Sequential([fd.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, [[1.0], [2.0], [3.0]], epochs=3, verbose=0, callbacks=[ProgressBar(1)])
    shown = [line for line in made.shown if not line.startswith("compiling")]
    assert [line[:9] for line in shown[::2]] == ["Epoch 1/3", "Epoch 2/3", "Epoch 3/3", ""]
    assert all(re.fullmatch(r"1/1 ━{20} \d+[mu]?s \d+[mu]?s/step - loss: \d+\.\d{4}", line) for line in shown[1::2])


def test_evaluate_and_predict(terminal):
    made = terminal(tty=False)
    model = fd.Sequential([fd.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = [[i / 300] for i in range(300)]
    model.fit(x, x, verbose=0)
    model.evaluate(x, x, batch_size=32)
    model.predict(x)
    slow = r"(compiling \S+ s\n)?"  # is said where it takes long, as it may on a busy machine
    assert re.fullmatch(slow + r"10/10 - \S+ \S+/step - loss: \d+\.\d{4}\n", made.getvalue())


def test_ten_thousand_epochs_cost_little(terminal):
    import time

    terminal()
    bar = ProgressBar(1)
    run = Run(time, bar, epochs=10000)
    run.clock = type("Clock", (), {"now": 0.0})()
    began = time.perf_counter()
    run.go(chunk=2500, compiling=0.0)
    assert time.perf_counter() - began < 1.0  # a tenth of a millisecond an epoch, on a busy machine
    assert progress.milestone(10000) == 500
