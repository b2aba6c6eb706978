"""fit(resume=...): checkpoints in a folder, the newest whole one is gone on from, another run is refused."""

import errno
import os
import threading
import warnings

import numpy as np
import pytest

import freedive as fd
from freedive.callbacks import Callback, Checkpoints, EarlyStopping
from freedive.files import FolderInUseError, FolderLock, ModelFileError
from freedive.train import background as background_module
from freedive.train import resuming as resuming_module
from freedive.train.background import Background

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype(np.float32)
Y = (X @ RNG.normal(size=(4, 1))).astype(np.float32)


def model_of(units=8, activation="tanh"):
    fd.set_seed(3)
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(units, activation), fd.layers.Dropout(0.3)])
    model.add(fd.layers.Dense(1))
    model.compile(fd.optimizers.Adam(0.05), "mse")
    return model


def fit(resume, *callbacks, model=None, x=X, **options):
    model = model or model_of()
    options = {"batch_size": 8, "epochs": 4, "verbose": 0} | options
    return model, model.fit(x, Y, resume=resume, callbacks=list(callbacks), **options)


class Break(Callback):
    """Raises when an epoch has ended."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise RuntimeError("broken off")


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


def steps(folder):
    return sorted(int(path.name[5:-12]) for path in folder.glob("step-*.safetensors"))


# which checkpoint -----------------------------------------------------------------------------------------------------
def test_a_folder(tmp_path, capsys):
    whole, expected = fit(None)
    with pytest.raises(RuntimeError, match="broken off"):
        fit(Checkpoints(tmp_path, epochs=1), Break(2))
    model, history = fit(str(tmp_path))
    assert "Going on with epoch 3, from" in capsys.readouterr().out
    assert same(model, whole) and history.history == expected.history
    assert steps(tmp_path)[-1] == 32 and len(steps(tmp_path)) == 2


def test_checkpoints_that_a_run_does_not_go_on_from_are_kept(tmp_path, capsys):
    fit(Checkpoints(tmp_path, epochs=1, keep=3, seconds=None))
    first = steps(tmp_path)
    assert len(first) == 3
    fit(Checkpoints(tmp_path, epochs=1, keep=3, seconds=None), epochs=5)
    assert steps(tmp_path) == [*first[1:], 40]  # those before the resume count among the newest
    fit(
        Checkpoints(tmp_path, epochs=1, keep=3, seconds=None, restore=tmp_path / "step-000000000032.safetensors"),
        epochs=5,
    )
    assert steps(tmp_path / "before-1") == [40] and steps(tmp_path) == [*first[1:], 40]
    assert f"are kept in {tmp_path / 'before-1'}" in capsys.readouterr().out
    fit(Checkpoints(tmp_path, epochs=1, keep=3, seconds=None, restore=False), epochs=1)
    assert steps(tmp_path / "before-2") == [*first[1:], 40] and steps(tmp_path) == [8]


def test_a_run_that_is_done_can_be_made_longer(tmp_path, capsys):
    whole, expected = fit(None, epochs=6)
    fit(tmp_path)
    assert capsys.readouterr().out == ""
    again, _ = fit(tmp_path)
    assert "Nothing to do" in capsys.readouterr().out
    assert same(again, fit(None)[0])
    longer, history = fit(tmp_path, epochs=6)
    assert same(longer, whole) and history.history == expected.history


def test_auto_has_a_folder_for_every_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, _ = fit("auto")
    second, _ = fit("auto")
    fit("auto", model=model_of(9))
    fit("auto", x=X + 1)
    fit("auto", seed=5)
    fit("auto", model=second, epochs=1)  # the second run of a model is another one
    assert same(first, fit("auto")[0])
    assert len(os.listdir(tmp_path / "runs" / "resume")) == 5


def test_the_best_is_kept_and_may_be_gone_on_from(tmp_path, capsys):
    losses = fit(Checkpoints(tmp_path, monitor="loss", seconds=None))[1].history["loss"]
    best = tmp_path / "best.safetensors"
    capsys.readouterr()
    _, history = fit(best, epochs=5)
    assert f"Going on with epoch {int(np.argmin(losses)) + 2}, from {best}" in capsys.readouterr().out
    assert history.history["loss"][:4] == losses


def test_a_run_that_a_callback_stopped_is_over(tmp_path, capsys):
    def stopping():
        return EarlyStopping("loss", patience=1, min_delta=1e9, restore_best_weights=True)

    first, expected = fit(tmp_path, stopping(), epochs=50)
    second, history = fit(tmp_path, stopping(), epochs=50)
    assert "it was stopped there" in capsys.readouterr().out
    assert len(expected.epoch) < 50 and history.history == expected.history and same(first, second)


def test_all_damaged_is_an_error(tmp_path):
    fit(tmp_path)
    for path in tmp_path.glob("step-*"):
        path.write_bytes(b"")
    with pytest.raises(ModelFileError) as caught:
        fit(tmp_path)
    assert "No checkpoint in" in caught.value.__notes__[0]


# another run ----------------------------------------------------------------------------------------------------------
OTHERS = [
    ({"model": lambda: model_of(9)}, r"misshapen: sums|misshapen: ts"),
    ({"model": lambda: model_of(activation="relu")}, r"layers different: dense \(.*tanh.* then, .*relu.* now\)"),
    ({"x": X[:, ::-1]}, r"data different: x"),
    ({"x": X * 2}, r"data different: x"),
    ({"batch_size": 16}, r"settings different: batch_size \(8 then, 16 now\)"),
    ({"shuffle": False}, r"settings different: shuffle"),
    ({"validation_split": 0.5}, r"unexpected|missing"),
]


@pytest.mark.parametrize("options, message", OTHERS)
def test_another_run_is_refused(options, message, tmp_path):
    fit(tmp_path)
    options = {name: value() if callable(value) else value for name, value in options.items()}
    with pytest.raises(ModelFileError, match=message) as caught:
        fit(tmp_path, epochs=5, **options)
    assert caught.value.code in ("ANOTHER_RUN", "TENSOR_MISMATCH")
    assert "To begin anew" in caught.value.__notes__[0]


def test_other_surroundings_are_said(tmp_path, monkeypatch, capsys):
    fit(tmp_path)
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    fit(tmp_path, epochs=5)
    assert "not to the bit: XLA_FLAGS:  then, --xla_cpu_enable_fast_math=true now" in capsys.readouterr().out


def test_numbers_of_the_checkpoint_are_taken(tmp_path):
    model = model_of()
    fit(tmp_path, fd.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9), model=model)
    rate = model.optimizer.learning_rate
    other = model_of()
    other.optimizer.learning_rate = 0.5
    fit(tmp_path, model=other)
    assert other.optimizer.learning_rate == rate


# writing --------------------------------------------------------------------------------------------------------------
def test_a_disk_that_is_full_stops_no_training(tmp_path, monkeypatch):
    def full(self, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(resuming_module.Snapshot, "write", full)
    with pytest.warns(UserWarning, match="No checkpoint could be written: .*No space left.* Training goes on"):
        model, _ = fit(Checkpoints(tmp_path, epochs=1))
    assert same(model, fit(None)[0]) and steps(tmp_path) == []


def test_training_goes_on_while_a_checkpoint_is_written(tmp_path, monkeypatch):
    release, real = threading.Event(), resuming_module.Snapshot.write

    def slow(self, path):
        assert release.wait(30)
        real(self, path)

    class Look(Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(len(steps(tmp_path)))
            if epoch == 3:
                release.set()

    seen = []
    monkeypatch.setattr(resuming_module.Snapshot, "write", slow)
    fit(Checkpoints(tmp_path, epochs=1), Look())
    assert seen == [0, 0, 0, 0] and 32 in steps(tmp_path)


def test_a_second_writer_is_refused(tmp_path):
    lock = FolderLock(tmp_path)
    with pytest.raises(FolderInUseError, match=f"written by process {os.getpid()}, which is this one"):
        fit(tmp_path)
    lock.release()
    fit(tmp_path)  # and a run gives its lock back
    fit(tmp_path, epochs=5)


def test_locks_are_given_back_after_errors(tmp_path):
    class Bad(Callback):
        def on_train_end(self, logs=None):
            raise RuntimeError("at the end")

    with pytest.raises(RuntimeError, match="at the end"):
        fit(tmp_path, Bad())
    fit(tmp_path)


def test_newer_jobs_take_the_place_of_waiting_ones():
    begun, begin, done = threading.Event(), threading.Event(), []
    background = Background()
    background.put("a", lambda: begun.set() or begin.wait(30))
    assert begun.wait(30)
    for number in range(5):
        background.put("a", lambda number=number: done.append(number))
        background.put("b", lambda number=number: done.append(-number))
    begin.set()
    background.wait()
    assert sorted(done) == [-4, 4]
    assert not [t for t in threading.enumerate() if t.name == "freedive-background"]
    assert background_module.Background().error() is None


def test_errors_of_jobs_are_handed_over():
    background = Background()
    background.put("a", lambda: 1 / 0)
    background.wait()
    assert isinstance(background.error(), ZeroDivisionError) and background.error() is None


@pytest.mark.parametrize("wrong, error", [(3, TypeError), ("", ValueError)])
def test_wrong_arguments(wrong, error):
    with pytest.raises(error, match="expected"):
        fit(wrong)


def test_nothing_is_warned_about_otherwise(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(tmp_path)
