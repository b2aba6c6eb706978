"""Results written to files while a model trains: CSV as the peer writes it, event files that TensorBoard reads."""

import csv
import importlib.util
import json
import struct

import keras
import numpy as np
import pytest

import freedive as fd
from freedive.callbacks import CSVLogger, TensorBoard
from freedive.train.callbacks.events import EventFile, crc32c

ROWS = [
    {"loss": 0.5, "accuracy": 0.25, "val_loss": 0.625, "val_accuracy": 0.5},
    {"loss": 1e-7, "accuracy": 1.0, "val_loss": float("nan"), "val_accuracy": 0.75},
]


def table(path, **options):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, **options))


# CSV ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("options", [{}, {"separator": ";"}, {"append": True}])
def test_csv_is_byte_for_byte_the_peers(options, fakes, tmp_path):
    theirs = keras.callbacks.CSVLogger(str(tmp_path / "theirs.csv"), **options)
    for _ in range(2):
        theirs.on_train_begin()
        for epoch, row in enumerate(ROWS):
            theirs.on_epoch_end(epoch, row)
        theirs.on_train_end()
        fakes.drive(CSVLogger(tmp_path / "ours.csv", **options), [dict(row) for row in ROWS])
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "theirs.csv").read_bytes()


def test_csv_has_each_epoch_as_soon_as_it_is_known(fakes, tmp_path):
    path, seen = tmp_path / "deep" / "log.csv", []
    look = fd.callbacks.LambdaCallback(on_epoch_end=lambda *_: seen.append(len(table(path))))
    fakes.drive([CSVLogger(path), look], [{"loss": 1.0}] * 3)
    assert seen == [1, 2, 3]


def test_csv_gets_a_column_for_a_result_that_appears_later(fakes, tmp_path):
    path = tmp_path / "log.csv"
    fakes.drive(CSVLogger(path), [{"loss": 1.0}, {"loss": 0.5, "val_loss": 0.75}, {"loss": 0.25}])
    assert [list(row.values()) for row in table(path)] == [
        ["0", "1.0", "NA"],
        ["1", "0.5", "0.75"],
        ["2", "0.25", "NA"],
    ]


def test_csv_writes_arrays_as_json(fakes, tmp_path):
    path = tmp_path / "log.csv"
    fakes.drive(CSVLogger(path), [{"confusion": np.array([[1, 2], [3, 4]])}])
    assert json.loads(table(path)[0]["confusion"]) == [[1, 2], [3, 4]]


@pytest.mark.parametrize("append", [False, True])
def test_csv_goes_on_without_the_rows_done_again(append, fakes, tmp_path):
    """A crash in epoch 3, half a row written; the run goes on from a checkpoint after epoch 2."""
    path = tmp_path / "log.csv"
    first = CSVLogger(path, append=append)
    fakes.drive(first, [{"loss": v, "mae": v} for v in (4.0, 3.0, 2.0)])
    path.write_bytes(path.read_bytes() + b"3,1")
    second = CSVLogger(path, append=append)
    second.on_train_begin()
    second.set_state(first.get_state())
    fakes.drive(second, [{"loss": 2.5, "mae": 2.5}], first=2, begun=True)
    assert [(row["epoch"], row["loss"]) for row in table(path)] == [("0", "4.0"), ("1", "3.0"), ("2", "2.5")]


def test_csv_refuses_to_go_on_in_another_table(fakes, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("name,age\nAnna,3\n")
    with pytest.raises(ValueError, match=r"its columns are \['name', 'age'\]"):
        fakes.drive(CSVLogger(path, append=True), [{"loss": 1.0}])
    assert path.read_text() == "name,age\nAnna,3\n"


def test_csv_that_cannot_be_written_is_found_before_training(fakes, tmp_path):
    with pytest.raises(OSError):
        CSVLogger(tmp_path).on_train_begin()
    with pytest.raises(ValueError, match=r"separator=', '.*one character"):
        CSVLogger("a.csv", separator=", ")


# TensorBoard --------------------------------------------------------------------------------------------------------
def fields(data):
    """(number, value) of the fields of a protocol-buffer message."""

    def varint(at):
        value = shift = 0
        while True:
            value |= (data[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 128:
                return value, at

    at = 0
    while at < len(data):
        key, at = varint(at)
        if key & 7 == 0:
            value, at = varint(at)
        else:
            size, at = (8, at) if key & 7 == 1 else varint(at)
            value, at = data[at : at + size], at + size
        yield key >> 3, value


def read(path):
    """(tag, step, array) of the summaries in an event file, its checksums checked."""

    def masked(data):
        crc = crc32c(data)
        return struct.pack("<I", ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF)

    found = []
    with open(path, "rb") as file:
        while head := file.read(12):
            data = file.read(struct.unpack("<Q", head[:8])[0])
            assert head[8:] == masked(head[:8]) and file.read(4) == masked(data)
            event = dict(fields(data))
            if 5 in event:
                value = dict(fields(dict(fields(event[5]))[1]))
                tensor = dict(fields(value[8]))
                numbers = np.frombuffer(tensor[5], "<f4") if 5 in tensor else np.frombuffer(tensor[4], "<f8")
                found.append((value[1].decode(), event[2], numbers))
    return found


def scalars(folder):
    """{tag: {step: number}} of the files in a folder."""
    found = {}
    for path in sorted(folder.iterdir()):
        for tag, step, value in read(path):
            if value.size == 1:
                found.setdefault(tag, {})[step] = float(value[0])
    return found


@pytest.mark.parametrize(
    "data, crc",  # RFC 3720, appendix B.4
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"123456789", 0xE3069283),
    ],
)
def test_checksums(data, crc):
    assert crc32c(data) == crc


def test_event_files_hold_the_results_of_fit(fitted, tmp_path):
    _, fit = fitted(epochs=3)
    history = fit(TensorBoard(tmp_path, write_steps_per_second=True))
    train, validation = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    for tags, prefix in ((train, ""), (validation, "val_")):
        for name in ("loss", "mae"):
            expected = history.history[prefix + name]
            np.testing.assert_allclose([tags[f"epoch_{name}"][e] for e in range(3)], expected, rtol=1e-6)
    np.testing.assert_allclose(list(train["epoch_learning_rate"].values()), 0.01, rtol=1e-6)
    assert all(value > 0 for value in train["epoch_steps_per_second"].values())


def test_the_learning_rate_of_a_schedule_is_that_after_the_epoch(fitted, tmp_path):
    schedule = fd.optimizers.schedules.ExponentialDecay(0.1, decay_steps=3, decay_rate=0.5)
    _, fit = fitted(epochs=5, optimizer=fd.optimizers.SGD(schedule), validation=False)  # 4 steps an epoch
    fit(TensorBoard(tmp_path))
    found = scalars(tmp_path / "train")["epoch_learning_rate"]
    expected = [float(schedule(4 * (epoch + 1))) for epoch in range(5)]
    np.testing.assert_allclose([found[epoch] for epoch in range(5)], expected, rtol=1e-6)


def test_results_of_batches(fitted, tmp_path):
    _, fit = fitted(epochs=2, validation=False)
    fit(TensorBoard(tmp_path, update_freq=3))  # of 8 batches
    found = scalars(tmp_path / "train")
    assert list(found["batch_loss"]) == [3, 6] and list(found["epoch_loss"]) == [0, 1]


def test_histograms_of_the_weights(fitted, tmp_path):
    model, fit = fitted(epochs=3)
    fit(TensorBoard(tmp_path, histogram_freq=2))
    (path,) = (tmp_path / "train").iterdir()
    found = {(tag, step): value.reshape(-1, 3) for tag, step, value in read(path) if value.size > 1}
    assert {step for _, step in found} == {0, 2} and len({tag for tag, _ in found}) == len(model.weights)
    sizes = sorted(w.size for w in model.get_weights())
    assert sorted(int(table[:, 2].sum()) for (_, step), table in found.items() if step == 2) == sizes


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_tensorboard_reads_it(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    with EventFile(tmp_path) as file:
        file.scalar("epoch_loss", 0.25, step=7)
        file.histogram("kernel", np.arange(10.0), step=7)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    loss, kernel = events.Tensors("epoch_loss")[0], events.Tensors("kernel")[0]
    assert loss.step == 7 and tensor_util.make_ndarray(loss.tensor_proto) == 0.25
    assert tensor_util.make_ndarray(kernel.tensor_proto)[:, 2].sum() == 10


def test_what_is_not_written_is_refused():
    with pytest.raises(ValueError, match=r"profile_batch=2\): profile with jax.profiler.trace"):
        TensorBoard(profile_batch=2)
    with pytest.raises(ValueError, match='expected "epoch" or a number of batches'):
        TensorBoard(update_freq=0)
