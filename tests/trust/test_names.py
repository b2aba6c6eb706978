"""Classes of people's own: found again after a cell is run twice, and never taken for another of the same name."""

import pytest

import freedive as fd
from freedive.layers import Dense, Layer

CELL = """
class {name}(Layer):
    factor: float = 2.0

    def call(self, x):
        return x * self.factor * self.param("scale", (x.shape[-1],), "{first}")
"""


def run_cell(name="Ramp", first="ones", module="__main__"):
    """What a notebook does with a cell: the class anew, in the same module."""
    made = {"Layer": Layer, "__name__": module}
    exec(CELL.format(name=name, first=first), made)
    return made[name]


def saved(path, layer):
    model = fd.Sequential([fd.Input((2,)), layer(3.0), Dense(1)])
    model.save(path)
    return model


@pytest.fixture
def layers():
    """The register of layers, put back afterwards."""
    members = fd.config.Family.families["layer"].members
    before = dict(members)
    yield members
    members.clear()
    members.update(before)


@pytest.mark.parametrize("registered", [False, True])
def test_a_cell_that_is_run_again_just_works(tmp_path, layers, registered):
    first, second = run_cell(), run_cell(first="zeros")
    for cls in (first, second) if registered else ():
        fd.register(cls)
    for name, cls in (("first", first), ("second", second)):  # an older model is there to be saved too
        path = tmp_path / name
        model = saved(path, cls)
        loaded = fd.models.load_model(path, custom_objects=None if registered else [second])
        assert type(loaded.layers[0]) is second
        assert loaded.predict([[1.0, 2.0]]) == model.predict([[1.0, 2.0]])


def test_what_is_given_goes_before_what_is_registered(tmp_path, layers):
    first, second = run_cell(), run_cell()
    fd.register(first)
    saved(tmp_path / "m", first)
    assert type(fd.models.load_model(tmp_path / "m", custom_objects=[second]).layers[0]) is second
    assert layers["Ramp"] is first


CLASHES = {
    "the name of a layer of freedive": ("Dense", "__main__", "layer 'Dense' of __main__ .* another layer, of freedive"),
    "the name of a registered layer": ("Ramp", "other", "layer 'Ramp' of other .* another layer, of __main__"),
}


@pytest.mark.parametrize("case", CLASHES)
def test_two_classes_of_one_name_are_told_apart(tmp_path, layers, case):
    name, module, message = CLASHES[case]
    fd.register(run_cell("Ramp"))
    with pytest.raises(ValueError, match=message + ".*Give your class another name"):
        saved(tmp_path / "m", run_cell(name, module=module))
    copy = fd.models.clone_model(fd.Sequential([fd.Input((2,)), run_cell(name, module=module)(3.0)]))
    assert copy.layers[0].factor == 3.0  # a copy needs no file
