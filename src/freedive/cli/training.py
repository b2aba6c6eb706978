"""What `freedive train` does: rows, network, training, test, files."""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import os
import shlex
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..callbacks import Callback, Checkpoints, CSVLogger
from ..data.contents import contents
from ..data.series import TimeSeries
from ..errors import counted
from ..files import make_folders, move_file, only_writer, write_atomic, write_text_atomic
from ..preprocessing.split import rows_of
from ..tasks import Baseline, Task, modelfile
from ..tasks.reading.decoding import told_together
from ..tasks.sources import Source, find
from ..tasks.told import Told
from . import console, story
from .options import Options
from .parameters import settled, told_by

EVERY = 20.0  # seconds between two checkpoints


class Way(NamedTuple):
    """Another way of training than `Model.fit`: what `distill` and `federate` do.

    Args:
        words: of the command, up to the options that every training has: to say how to go on.
        begin: of a training that was prepared; what trains, called with the network and the arguments of `fit`.
        ending: of the folder's name.
        told: about the data, where the options do not say it.
        spelt: what the command calls an option that it names otherwise.
    """

    words: list[str]
    begin: Callable[[Training], Callable[..., Any]]
    ending: str
    told: Told | None = None
    spelt: Mapping[str, str] = MappingProxyType({})


@dataclasses.dataclass
class Training:
    """A training under way, and what is known of it so far."""

    data: str
    options: Options
    told: Told
    source: Source
    task: Task
    folder: str
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    learned: int = 0  # rows
    held: int = 0  # rows to choose the epoch by
    x_test: Any = None  # as the network takes them
    y_test: Any = None
    outputs: Any = None  # of the network, for the test rows
    result: dict[str, Any] = dataclasses.field(default_factory=dict)
    way: Way | None = None
    simple: list[Baseline] = dataclasses.field(default_factory=list)  # methods beside the network
    resumed: bool = False  # whether a part of it was done before, in a time that is not known

    def __post_init__(self):
        self.contents = contents(self.data)  # now, since files may change while it learns

    @property
    def model_path(self) -> str:
        """The file of the model."""
        return os.path.join(self.folder, "model.safetensors")

    @property
    def page_path(self) -> str:
        """The file of the report."""
        return os.path.join(self.folder, "report.html")

    @property
    def work(self) -> str:
        """The folder of what is not done: checkpoints, and the history so far."""
        return os.path.join(self.folder, "checkpoints")

    @property
    def log_path(self) -> str:
        """The history so far."""
        return os.path.join(self.work, "history.csv")

    @property
    def was_stopped(self) -> bool:
        """Whether there are checkpoints to go on from."""
        return any(glob.iglob(os.path.join(glob.escape(self.work), "step-*.safetensors")))

    @property
    def again(self) -> str:
        """The line that goes on with it."""
        return f"{self.command(self.options)} --resume"

    def command(self, options: Options) -> str:
        """The line that trains so, without --resume."""
        began, spelt = (["train", self.data], {}) if self.way is None else (self.way.words, self.way.spelt)
        return shlex.join(["freedive", *began, *words(options, spelt)])

    @property
    def known_by(self) -> str:
        """The line that trains so, wherever it writes."""
        return self.command(self.options._replace(output=None))

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time spent on a part of the work."""
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began


def run(data: str, options: Options, way: Way | None = None) -> None:
    """Train on a data set or on files, and write what came of it."""
    began = time.perf_counter()
    told = told_by(options) if way is None or way.told is None else way.told
    source = find(data, told)
    folder = options.output or folder_of(source) + ("" if way is None else way.ending)
    training = Training(data, options, told, source, settled(source.task, options), folder, way=way)
    if options.resume and is_finished(training):
        return
    with only_writer(training.folder):
        prepare(training)
        by = None if way is None else way.begin(training)
        training.seconds["prepare"] = time.perf_counter() - began
        if not options.quiet:
            console.say(story.beginning(training))
        keeper = checkpoints(training)
        try:
            with training.phase("train"):
                learn(training, keeper, by)
            training.seconds["train"] -= training.seconds["compile"]
            with training.phase("evaluate"):
                test(training)
        except (KeyboardInterrupt, SystemExit) as stop:
            raise console.Stopped(keep(training), getattr(stop, "code", None)) from None
        finish(training, keeper)
    console.say(story.ending(training))


def finish(training: Training, keeper: Checkpoints) -> None:
    """Write what came of the training; its checkpoints go when all of that is in its place."""
    try:
        publish(training)
        if training.options.baselines:
            with training.phase("compare"):
                compare(training)
        write_text_atomic(training.page_path, story.report(training).html())
    except KeyboardInterrupt:
        raise console.Stopped(f"Stopped while the results were written. {remains(training)}") from None
    except Exception:  # whatever it is, it is raised again
        console.warn(remains(training))
        raise
    keeper.clear()
    clear(training)


def remains(training: Training) -> str:
    """What there is of a training whose results could not be written, in words."""
    if training.was_stopped:
        return f"The training is kept in {training.work}. To go on as soon as nothing is in the way: {training.again}"
    none = f"No checkpoint of the training is in {training.work}"
    with contextlib.suppress(OSError):  # another disk may have room
        elsewhere = os.path.join(tempfile.mkdtemp(prefix="freedive-"), os.path.basename(training.model_path))
        training.task.save(elsewhere, **story.about(training))
        return f"{none}. What it learned is in {elsewhere}: move it to where it is to stay"
    return f"{none}: it has to begin anew"


def folder_of(source: Source) -> str:
    """Where the results go unless the command says."""
    return os.path.join("runs", source.name)


def prepare(training: Training) -> None:
    """Rows and network."""
    source, task = training.source, training.task
    with told_together(source.x_train, source.x_test):
        X, y, groups = given_rows(training)
        rows = task.prepare(X, y, groups=groups).rows
        # The test rows are read before the training: what is wrong with them must not come out after it.
        source.x_test, training.x_test, source.y_test = task.taken(source.x_test, source.y_test)
    training.y_test = task.target.asked(source.y_test)
    training.learned, training.held = len(rows.y), 0 if rows.y_validation is None else len(rows.y_validation)


def given_rows(training: Training) -> tuple[Any, Any, Any]:
    """The raw rows to learn from, their labels and groups, with --rows the first of them; of a series the last: what
    comes next follows them."""
    source, most = training.source, training.options.rows
    given = source.x_train, source.y_train, source.groups
    if most is None or most >= len(source.y_train):
        return given
    if isinstance(source.x_train, TimeSeries):
        late = source.x_train.part(-most, None)
        return late, late, None
    X, y, groups = (None if rows is None else rows_of(rows, np.arange(most)) for rows in given)
    return X, y, groups


class CompileTime(Callback):
    """Remembers how long compilation took, before the run and on its way."""

    edge: ClassVar[Any] = "never"
    seconds = 0.0

    def on_compiled(self, seconds: float) -> None:
        self.seconds = seconds

    def on_run_end(self, run: Any) -> None:
        self.seconds += run.compiling


def learn(training: Training, keeper: Checkpoints, by: Callable[..., Any] | None = None) -> None:
    """Fit, and go back to the epoch that did best on the validation rows."""
    clock = CompileTime()
    log = CSVLogger(training.log_path)
    training.task.train([clock, log], resume=keeper, by=by)
    training.seconds["compile"] = clock.seconds


def is_finished(training: Training) -> bool:
    """Whether the training that --resume asks for came to its end, which is said; another in its place is refused."""
    if training.was_stopped or not os.path.isfile(training.model_path):
        return False
    about = modelfile.load(training.model_path)[1]
    if about.test is None:  # Ctrl-C left it, and somebody took its checkpoints away
        return False
    former = (about.made or {}).get("command")
    if former != training.known_by:
        whose = f"of: {former}" if former else "of another command"
        found = f"--resume: {training.model_path} is finished, and {whose}"
        raise console.Misuse(f"{found}. To train anew, leave out --resume")
    console.say(f"Nothing to do: {training.model_path} is finished. To train anew, leave out --resume")
    return True


def checkpoints(training: Training) -> Checkpoints:
    """Where the training goes on after it was stopped."""
    options, folder, there = training.options, training.work, training.was_stopped
    if there and not options.resume:
        console.warn(
            f"A training that was stopped stands in {folder}; this one begins anew. To go on with it: {training.again}"
        )
    if options.resume and not there:
        console.warn(f"There is nothing to go on with in {folder}: the training begins")
    training.resumed = options.resume and there
    keeper = Checkpoints(folder, seconds=EVERY, restore=options.resume)
    keeper.command = training.again
    return keeper


def words(options: Options, spelt: Mapping[str, str]) -> list[str]:
    """The options that decide the training, as they are written in a terminal; some are spelt otherwise there."""
    given = {**options._asdict(), "seed": options.seed or None, "quiet": None, "resume": None, "baselines": None}
    return [
        word
        for name, values in given.items()
        for value in (values if isinstance(values, list) else [values])
        if value is not None
        for word in (f"--{spelt.get(name, name).replace('_', '-')}", str(value))
    ]


def test(training: Training) -> None:
    """The answers on the test rows, looked at for the first time."""
    training.outputs = training.task.answer(training.x_test)
    training.result = training.task.target.scored(training.outputs, training.y_test)


def compare(training: Training) -> None:
    """What simple methods make of the same rows."""
    source = training.source
    try:
        training.simple = training.task.baselines(*given_rows(training)[:2], source.x_test, source.y_test)
    except KeyboardInterrupt:
        console.warn("The simple methods were stopped: the report does without them.")


def publish(training: Training) -> None:
    """Put the model and its history in the place of those of an earlier training, whose report goes.

    Whatever fails or is killed on the way: no file stands beside one of another training.
    """
    make_folders(training.work)
    staged = os.path.join(training.work, "model.safetensors")
    training.task.save(staged, **story.about(training))
    history = os.path.join(training.folder, "history.csv")
    for former in (history, training.page_path):
        with contextlib.suppress(FileNotFoundError):
            os.remove(former)
    move_file(staged, training.model_path)
    with open(training.log_path, "rb") as file:
        write_atomic(history, file.read())


def clear(training: Training) -> None:
    """Nothing is left of a training that came to its end but its results."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(training.log_path)
    with contextlib.suppress(OSError):  # other files may be in it
        os.rmdir(training.work)


def keep(training: Training) -> str:
    """After Ctrl-C or SIGTERM: write what was learned so far; what was kept, in words."""
    model, settings = training.task.model, training.task.settings
    done = len(model.history.epoch) if model.history is not None else 0
    if not done:
        return "Stopped before the end of the first epoch. No model was written."
    publish(training)
    return (
        f"Stopped after {done} of {counted(settings.epochs, 'epochs')}. Kept: {training.model_path}, which "
        f"was not tested, and history.csv beside it."
    )
