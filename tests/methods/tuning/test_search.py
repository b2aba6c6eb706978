"""What the searches ask for, before anything is trained."""

from freedive.methods.tuning.search import Random
from freedive.methods.tuning.space import read_space


def test_random_asks_for_each_point_of_mere_choices_once():
    search = Random().of(read_space({"rate": [0.1, 0.01], "units": [4, 8, 16]}), 20, 3, 1)
    asked = search.ask([])
    assert search.trials == 6 and len({tuple(point.values()) for point in asked}) == 6
    assert asked == Random().of(read_space({"rate": [0.1, 0.01], "units": [4, 8, 16]}), 20, 3, 1).ask([])
    fewer = Random().of(read_space({"rate": [0.1, 0.01], "units": [4, 8, 16]}), 4, 3, 1)
    assert fewer.ask([]) == asked[:4]
