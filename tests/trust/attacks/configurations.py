"""Families 7 to 14: what the configuration says, in a file whose checksums are right."""

import json

from .files import changed, parts


def model(**texts):
    return changed(lambda tensors, told: None, **texts)


def config(text):
    """A file whose configuration is this text."""
    return model(model=text)


def layers(change, kind="row"):
    """A file after `change` of its list of layers."""
    return changed(lambda tensors, told: change(told["model"]["config"]["layers"]), kind)


def first(**fields):
    """A file whose first Dense has these fields too."""
    return layers(lambda found: found[0]["config"].update(fields))


def instead(layer):
    return layers(lambda found: found.__setitem__(0, layer))


def instead_of_all(*those):
    return layers(lambda found: found.__setitem__(slice(None), those))


def named(kind, name, **fields):
    return {"kind": kind, "class": name, "config": fields}


def graph(change):
    """A file after `change(graph, layers)` of how its layers are joined."""
    return changed(lambda _, told: change(*(told["model"]["config"][part] for part in ("graph", "layers"))), "graph")


def entered(**fields):
    """A file whose input has these fields too."""
    return changed(lambda _, told: told["model"]["config"]["input"]["config"].update(fields))


def computed(function):
    return instead(named("layer", "Lambda", function=function))


def nested(depth, name="TimeDistributed"):
    layer = named("layer", "Dense", units=2)
    for _ in range(depth):
        layer = named("layer", name, layer=layer)
    return layer


def optimizer(**fields):
    return changed(lambda tensors, told: told["compile"]["optimizer"]["config"].update(fields))


def compiled(**fields):
    return changed(lambda tensors, told: told["compile"].update(fields))


def lacks(change):
    return layers(lambda found: change(found[0]["config"]))


SPACES = '{"kind": "layer", "class": "Sequential", "config": {"name": "' + " " * 17_000_000 + '"}}'
CODE = ("Lambda", "os.system", "builtins.eval", "__import__", "__class__", "subprocess.Popen", "Dense.__init__", "exec")
OUTSIDE = (
    "/etc/passwd", "http://169.254.169.254/latest", "file:///etc/passwd", "\\\\host\\share", "C:\\windows\\win.ini",
    "~/.ssh/id_rsa", "../../secret", "./x", "s3://bucket/key", "gs://bucket", "data:text/plain;base64,AA",
)  # fmt: skip
STEPS = named("layer", "Reshape", target_shape=[2, 2])
HUGE = {
    "a unit count of 10**10": first(units=10**10),
    "a unit count of 2**31-1": first(units=2**31 - 1),
    "a unit count of 10**6": first(units=10**6),
    "a product beyond 64 bits": layers(lambda found: [layer["config"].update(units=2**31 - 1) for layer in found[::2]]),
    "an embedding of 2**31": instead(named("layer", "Embedding", input_dim=2**31 - 1, output_dim=2**31 - 1)),
    "repeated 10**9 times": instead(named("layer", "RepeatVector", n=10**9)),
    "repeated 10**10 times": instead(named("layer", "RepeatVector", n=10**10)),
    "an LSTM of 10**8": instead_of_all(STEPS, named("layer", "LSTM", units=10**8)),
    "a number of 19 digits": first(units=10**18),
    "an input of 2**31 numbers": entered(shape=[2**31 - 1]),
    "an input of 10**12 numbers": entered(shape=[10**6, 10**6]),
    "20,000 layers": layers(lambda found: found.extend([named("layer", "Activation", activation="relu")] * 20_000)),
    "layers in layers, 13 deep": instead(nested(13)),
    "layers in layers, 30 deep": instead(nested(30)),
    "doubled 11 times": instead(nested(11, "Bidirectional")),
    "a text of 20,000 letters": first(activation="a" * 20_000),
    "a loss of 10**10": compiled(loss=named("loss", "Huber", delta=10**10)),
    "steps of 2**40": optimizer(learning_rate=named("schedule", "ExponentialDecay", decay_steps=2**40)),
}
FAMILIES = {
    7: {
        "not JSON": ("CONFIG_SYNTAX", config("{oops}")),
        "empty": ("CONFIG_SYNTAX", config("")),
        "a list": ("CONFIG_SYNTAX", config("[]")),
        "a number": ("CONFIG_SYNTAX", config("3")),
        "a text": ("CONFIG_SYNTAX", config('"Sequential"')),
        "null": ("CONFIG_SYNTAX", config("null")),
        "byte order mark": ("CONFIG_SYNTAX", config("\ufeff{}")),
        "two objects": ("CONFIG_SYNTAX", config("{}{}")),
        "cut": ("CONFIG_SYNTAX", config(json.dumps(parts()[1]["model"])[:-1])),
        "single quotes": ("CONFIG_SYNTAX", config(str(parts()[1]["model"]))),
        "UTF-16": ("CONFIG_SYNTAX", config("{\0}\0")),
        "a comment": ("CONFIG_SYNTAX", config("{} // yes")),
        "missing": ("CONFIG_SYNTAX", model(model=None)),
    },
    8: {
        "over 16 MB": ("TOO_LARGE", lambda path: path.write_bytes(_oversized())),
        "nested 200,000 deep": ("CONFIG_LIMIT", config('{"a":' + "[" * 200_000 + "]" * 200_000 + "}")),
        "nested 101 deep": ("CONFIG_LIMIT", config('{"a":' * 101 + "1" + "}" * 101)),
        "half a million objects": ("CONFIG_LIMIT", config('{"a":[' + "{}," * 500_000 + "{}]}")),
        "a key twice": ("CONFIG_LIMIT", config('{"kind":"layer","class":"Dense","class":"Lambda"}')),
        "NaN": ("CONFIG_LIMIT", config('{"a":NaN}')),
        "Infinity": ("CONFIG_LIMIT", config('{"a":-Infinity}')),
        "1e999": ("CONFIG_LIMIT", config('{"a":1e999}')),
        "100,000 digits": ("CONFIG_LIMIT", config('{"a":' + "9" * 100_000 + "}")),
        "21 digits": ("CONFIG_LIMIT", config('{"a":' + "9" * 21 + "}")),
    },
    9: {
        **{f"class {name}": ("UNKNOWN_CLASS", instead(named("layer", name, units=2))) for name in CODE[1:]},
        "class missing": ("UNKNOWN_CLASS", instead({"kind": "layer", "class": None, "config": {}})),
        "class is a list": ("UNKNOWN_CLASS", instead({"kind": "layer", "class": ["Dense"], "config": {}})),
        "class of another kind": ("UNKNOWN_CLASS", instead(named("layer", "Adam"))),
        "unknown kind": ("UNKNOWN_CLASS", instead(named("module", "os"))),
        "kind is an object": ("UNKNOWN_CLASS", instead({"kind": {}, "class": "Dense", "config": {}})),
        "one letter off": ("UNKNOWN_CLASS", instead(named("layer", "Dence", units=2))),
        "activation os.system": ("UNKNOWN_CLASS", first(activation="os.system")),
        "activation of a kind": ("UNKNOWN_CLASS", first(activation={"kind": "activation", "class": "eval"})),
        "initializer": ("UNKNOWN_CLASS", first(kernel_initializer="__import__")),
        "regularizer": ("UNKNOWN_CLASS", first(kernel_regularizer=named("regularizer", "open"))),
        "constraint": ("UNKNOWN_CLASS", first(kernel_constraint="getattr")),
        "loss": ("UNKNOWN_CLASS", compiled(loss="os.system")),
        "optimizer": ("UNKNOWN_CLASS", compiled(optimizer="posix.system")),
        "the model": ("UNKNOWN_CLASS", config('{"kind":"layer","class":"torch.nn.Linear","config":{}}')),
    },
    10: {
        "Lambda of code": ("UNKNOWN_CLASS", computed("4wEAAAAAAAAAAAAAAAQAAAADAAAA")),
        "Lambda of eval": ("UNKNOWN_CLASS", computed("eval")),
        "Lambda of a module": ("UNKNOWN_CLASS", computed("freedive.ops.conv")),
        "Lambda of a function": ("UNKNOWN_CLASS", computed({"kind": "function", "class": "exec"})),
        "Lambda of an object": ("BAD_FIELD", computed({"module": "os", "name": "system"})),
        "Lambda of Keras": ("BAD_FIELD", computed({"class_name": "__lambda__", "config": {"code": "4wEA"}})),
        "format string": ("UNKNOWN_CLASS", first(activation="{0.__class__.__mro__}")),
        "python literal": ("UNKNOWN_CLASS", first(activation="lambda x: x")),
        "equation": ("BAD_FIELD", instead(named("layer", "EinsumDense", equation="exec('')", output_shape=2))),
    },
    11: {
        **{f"activation {value!r}": ("PATH_IN_CONFIG", first(activation=value)) for value in OUTSIDE[:-1]},
        **{f"vocabulary {value!r}": ("PATH_IN_CONFIG", first(vocabulary=value)) for value in OUTSIDE[:-1]},
        "name": ("PATH_IN_CONFIG", first(name="/etc/passwd")),
        "name up": ("BAD_FIELD", first(name="a..b")),
        "name with a folder": ("BAD_FIELD", first(name="a/b")),
        "deep": ("PATH_IN_CONFIG", first(kernel_initializer=named("initializer", "Constant", value="file:///x"))),
        "loss": ("PATH_IN_CONFIG", compiled(loss="http://example.org/loss.py")),
    },
    12: {
        "unknown field": ("BAD_FIELD", first(unit=3)),
        "missing field": ("BAD_FIELD", lacks(lambda found: found.pop("units"))),
        **{f"units {value!r}": ("BAD_FIELD", first(units=value)) for value in ("3", 3.0, True, None, [], {}, -3, 0)},
        "rate 5": ("BAD_FIELD", layers(lambda found: found[1]["config"].update(rate=5))),
        "rate -0.1": ("BAD_FIELD", layers(lambda found: found[1]["config"].update(rate=-0.1))),
        "use_bias 'no'": ("BAD_FIELD", first(use_bias="no")),
        "activation 3": ("BAD_FIELD", first(activation=3)),
        "name 3": ("BAD_FIELD", first(name=3)),
        "name empty": ("BAD_FIELD", first(name="")),
        "name of 1,000 letters": ("BAD_FIELD", first(name="a" * 1000)),
        "trainable 'yes'": ("BAD_FIELD", first(trainable="yes")),
        "dtype object": ("BAD_FIELD", first(dtype="object")),
        "dtype 3": ("BAD_FIELD", first(dtype=3)),
        "input_shape text": ("BAD_FIELD", first(input_shape="ab")),
        "config a list": ("BAD_FIELD", instead({"kind": "layer", "class": "Dense", "config": []})),
        "config missing": ("BAD_FIELD", instead({"kind": "layer", "class": "Dense"})),
        "config twice as deep": ("BAD_FIELD", instead(named("layer", "Dense", config={"units": 3}))),
        "one entry more": ("BAD_FIELD", instead({**named("layer", "Dense", units=3), "module": "os"})),
        "a loss as a layer": ("BAD_FIELD", instead(named("loss", "Huber"))),
        "a text as a layer": ("BAD_FIELD", instead("Dense")),
        "input negative": ("BAD_FIELD", entered(shape=[-4])),
        "input of text": ("BAD_FIELD", entered(shape="four")),
        "learning rate text": ("BAD_FIELD", optimizer(learning_rate="fast")),
        "learning rate negative": ("BAD_FIELD", optimizer(learning_rate=-0.1)),
        "beta 7": ("BAD_FIELD", optimizer(beta_1=7)),
        "optimizer field": ("BAD_FIELD", optimizer(hook="x")),
        "compile field": ("BAD_FIELD", compiled(hook="x")),
        "precision": ("BAD_FIELD", compiled(precision="float8")),
        "loss 3": ("BAD_FIELD", compiled(loss=3)),
        "a layer as the model": ("NOT_A_MODEL", config(json.dumps(named("layer", "Dense", units=3)))),
        "an optimizer as the model": ("NOT_A_MODEL", config(json.dumps(named("optimizer", "SGD")))),
        "nothing as the model": ("NOT_A_MODEL", config("{}")),
        "model field": ("BAD_FIELD", changed(lambda t, told: told["model"]["config"].update(hook=1))),
        "shapes do not fit": ("BAD_FIELD", instead(named("layer", "Reshape", target_shape=[5]))),
        "a picture layer on rows": ("BAD_FIELD", instead(named("layer", "Conv2D", filters=2, kernel_size=3))),
    },
    13: {name: ("TOO_LARGE", make) for name, make in HUGE.items()},
    14: {
        "cycle": ("BAD_GRAPH", graph(lambda g, l: g["nodes"][1].update(args=[{"symbol": 3}]))),
        "itself": ("BAD_GRAPH", graph(lambda g, l: g["nodes"][1].update(args=[{"symbol": 1}]))),
        "dangling": ("BAD_GRAPH", graph(lambda g, l: g["nodes"][1].update(args=[{"symbol": 99}]))),
        "negative": ("BAD_GRAPH", graph(lambda g, l: g["nodes"][1].update(args=[{"symbol": -1}]))),
        "text": ("BAD_GRAPH", graph(lambda g, l: g["nodes"][1].update(args=[{"symbol": "0"}]))),
        "true": ("BAD_GRAPH", graph(lambda g, l: g["nodes"][1].update(args=[{"symbol": True}]))),
        "no input": ("BAD_GRAPH", graph(lambda g, l: g["nodes"][1].update(args=[3.0]))),
        "unknown layer": ("BAD_GRAPH", graph(lambda g, l: g["nodes"][1].update(layer=99))),
        "layer -1": ("BAD_GRAPH", graph(lambda g, l: g["nodes"][1].update(layer=-1))),
        "layer by name": ("BAD_GRAPH", graph(lambda g, l: g["nodes"][1].update(layer="h"))),
        "node lacks args": ("BAD_GRAPH", graph(lambda g, l: g["nodes"][1].pop("args"))),
        "node is a number": ("BAD_GRAPH", graph(lambda g, l: g["nodes"].__setitem__(1, 7))),
        "args an object": ("BAD_GRAPH", graph(lambda g, l: g["nodes"][1].update(args={}))),
        "nodes an object": ("BAD_GRAPH", graph(lambda g, l: g.update(nodes={}))),
        "no nodes": ("BAD_GRAPH", graph(lambda g, l: g.update(nodes=[]))),
        "outputs missing": ("BAD_GRAPH", graph(lambda g, l: g.pop("outputs"))),
        "output dangling": ("BAD_GRAPH", graph(lambda g, l: g.update(outputs={"symbol": 50}))),
        "output a number": ("BAD_GRAPH", graph(lambda g, l: g.update(outputs=3))),
        "input left out": ("BAD_GRAPH", graph(lambda g, l: g.update(inputs=[]))),
        "two of one name": ("BAD_GRAPH", graph(lambda g, l: l[1]["config"].update(name=l[2]["config"]["name"]))),
        "two of one name in a row": ("BAD_GRAPH", layers(lambda found: found[2]["config"].update(name="dense"))),
        "layers an object": ("BAD_GRAPH", changed(lambda t, told: told["model"]["config"].update(layers={}))),
    },
}  # fmt: skip


def _oversized():
    header = json.dumps({"__metadata__": {"model": SPACES}}).encode()
    return len(header).to_bytes(8, "little") + header
