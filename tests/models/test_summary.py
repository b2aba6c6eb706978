"""The table of a functional model says what each layer takes, as Keras writes it; a plain stack has no such column."""

import re

import freedive as fd


def built(k):
    picture, facts = k.Input((8, 8, 1), name="picture"), k.Input((3,), name="facts")
    shared = k.layers.Dense(5, name="shared")
    first = shared(k.layers.Flatten(name="flat")(picture))
    both = k.layers.Concatenate(name="both")([shared(k.layers.Dense(64, name="wide")(facts)), first])
    return k.Model([picture, facts], k.layers.Dense(2, name="out")(both))


def shown(model):
    lines = []
    model.summary(print_fn=lambda text, **_: lines.append(text), line_length=110)
    return "\n".join(lines)


def test_the_column_says_what_keras_says(capsys):
    import keras

    built(keras).summary()
    mine, theirs = shown(built(fd)), capsys.readouterr().out
    places = re.findall(r"\w+\[\d\]\[\d\]", mine)
    assert sorted(places) == sorted(re.findall(r"\w+\[\d\]\[\d\]", theirs))
    assert "shared[1][0], shared[0][0]" in mine and "Connected to" in mine and len(places) == 7


def test_a_stack_has_no_such_column():
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(3), fd.layers.Dense(1)])
    assert "Connected" not in shown(model)


def test_a_stack_whose_last_layer_was_taken_away_is_a_plain_stack():
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(3), fd.layers.Dense(2), fd.layers.Dense(1)])
    last = model.pop()
    assert model.output_shape == (None, 2) and [len(layer._nodes) for layer in (*model.layers, last)] == [1, 1, 0]
    assert "Connected" not in shown(model) and "dense_2" not in shown(model)
    model.add(last)
    assert model.output_shape == (None, 1) and "Connected" not in shown(model)
