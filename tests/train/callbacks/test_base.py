"""What a callback is: where it makes a run pause, and how a list of them is called."""

import inspect

import keras
import pytest

import freedive as fd
from freedive.callbacks import Callback, CallbackList
from freedive.core import structure
from freedive.train.callbacks.base import HOOKS

c = fd.callbacks


def writes(*hooks, base=Callback, **attributes):
    """A callback of a new class with these hooks."""
    methods = {hook: lambda self, *args: None for hook in hooks}
    return type("Own", (base,), methods | attributes)()


def assigned():
    callback = Callback()
    callback.on_epoch_end = lambda epoch, logs: None
    return callback


PAUSES = [
    (Callback(), "never"),
    (writes("on_epoch_end"), "epoch"),
    (writes("on_epoch_begin"), "epoch"),
    (writes("on_train_batch_end"), "batch"),
    (writes("on_batch_begin", "on_epoch_end"), "batch"),
    (writes("on_train_begin", "on_train_end", "on_test_end"), "never"),
    (writes("on_epoch_end", edge="never"), "never"),
    (writes("on_epoch_end", base=c.History), "epoch"),  # a hook of one's own under a class that needs no pause
    (writes("on_train_batch_end", base=c.EarlyStopping), "batch"),
    (assigned(), "epoch"),
    (c.History(), "never"),
    (c.ProgbarLogger(), "never"),
    (c.EarlyStopping(), "epoch"),
    (c.ReduceLROnPlateau(), "epoch"),
    (c.LearningRateScheduler(lambda epoch: 0.1), "epoch"),
    (c.ModelCheckpoint("a.safetensors"), "epoch"),
    (c.ModelCheckpoint("a.safetensors", save_freq=3), "batch"),
    (c.CSVLogger("a.csv"), "never"),
    (c.TensorBoard("a"), "never"),
    (c.TensorBoard("a", histogram_freq=1), "epoch"),
    (c.TensorBoard("a", update_freq="batch"), "batch"),
    (c.TerminateOnNaN(), "never"),
    (c.SwapEMAWeights(), "never"),
    (c.SwapEMAWeights(swap_on_epoch=True), "epoch"),
    (c.BackupAndRestore("a"), "epoch"),
    (c.LambdaCallback(), "never"),
    (c.LambdaCallback(on_train_end=print), "never"),
    (c.LambdaCallback(on_epoch_begin=print), "epoch"),
    (c.LambdaCallback(on_train_batch_end=print), "batch"),
]


@pytest.mark.parametrize("callback, edge", PAUSES, ids=lambda v: v if isinstance(v, str) else type(v).__name__)
def test_where_it_pauses(callback, edge):
    assert callback.pauses() == edge
    assert CallbackList([c.History(), callback], None, {}).edge == edge


def test_the_list_calls_all_in_order_and_fills_in_logs():
    told = []
    one = c.LambdaCallback(on_epoch_begin=lambda epoch, logs: told.append(("one", epoch, logs)))
    two = c.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: told.append(("two", epoch, logs)),
        on_train_begin=lambda logs: told.append(("begin", logs)),
    )
    every = CallbackList([one, [(two,)]], "model", {"epochs": 2})
    every.on_train_begin()
    every.on_epoch_begin(3)
    assert told == [("begin", {}), ("one", 3, {}), ("two", 3, {})]
    assert one.model == two.model == "model" and two.params == {"epochs": 2}


def test_those_that_come_last_come_last():
    progress, history = c.ProgbarLogger(), c.History()
    assert CallbackList([progress, history], None, {}).callbacks == [history, progress]


def test_every_hook_of_the_peer_is_there():
    theirs = {name for name in vars(keras.callbacks.Callback) if name.startswith("on_")}
    assert theirs <= set(HOOKS)


@pytest.mark.parametrize("name", sorted(set(vars(keras.callbacks)) & set(dir(fd.callbacks))))
def test_arguments_of_the_peer(name):
    """Same names, same order, same defaults."""
    theirs, ours = getattr(keras.callbacks, name), getattr(fd.callbacks, name)
    if not inspect.isclass(theirs) or name in ("CallbackList", "ProgbarLogger"):
        return
    skip = inspect.Parameter.VAR_KEYWORD
    expected = [(p.name, p.default) for p in inspect.signature(theirs).parameters.values() if p.kind != skip]
    found = [(p.name, p.default) for p in inspect.signature(ours).parameters.values() if p.kind != skip]
    assert found == expected


@pytest.mark.parametrize(
    "given, message",
    [
        (c.EarlyStopping, r"write EarlyStopping\(\)"),
        (keras.callbacks.EarlyStopping(), "of keras: take freedive.callbacks.EarlyStopping"),
        ("early", "expected a freedive.callbacks.Callback. Received 'early'"),
        ([3], "Received 3"),
    ],
)
def test_things_that_are_no_callbacks(given, message):
    with pytest.raises(TypeError, match=message):
        CallbackList(given, None, {})


def test_one_callback_needs_no_list():
    history = c.History()
    assert CallbackList(history, None, {}).callbacks == [history]
    assert CallbackList(None, None, {}).edge == "never"


def test_lambda_callback_refuses_unknown_hooks():
    with pytest.raises(ValueError, match="unknown hook 'on_epoch_start'"):
        c.LambdaCallback(on_epoch_start=print)


def test_states_go_by_name():
    before = CallbackList([c.EarlyStopping(), c.EarlyStopping("loss"), c.History()], None, {})
    before.callbacks[0].wait, before.callbacks[1].wait = 3, 5
    after = CallbackList([c.TerminateOnNaN(), c.EarlyStopping(), c.EarlyStopping("loss")], None, {})
    after.set_state(before.get_state())
    assert [callback.wait for callback in after.callbacks[1:]] == [3, 5]


def test_numbers_set_by_a_callback_count_without_compiling_again(fitted):
    model, fit = fitted(epochs=1)
    fit()
    first = model.get_weights()
    compiled = programs_compiled()
    fit(c.LearningRateScheduler(lambda epoch: 0.0), epochs=3)
    for a, b in zip(first, model.get_weights(), strict=True):
        assert (a == b).all()  # a rate of 0 left everything where it was
    assert programs_compiled() == compiled


def programs_compiled():
    kept = structure._cache.values()
    return sum(program.jitted._cache_size() for program in kept if isinstance(program, structure.Compiled))
