"""Names of arguments that there are not: the nearest one is told."""

import pytest

import freedive as fd


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: fd.optimizers.Adam(lr=0.1), "Adam has no argument 'lr'. Did you mean 'learning_rate'"),
        (lambda: fd.callbacks.EarlyStopping(patiance=3), "Did you mean 'patience'"),
        (lambda: fd.losses.Huber(detla=1.0), "Did you mean 'delta'"),
        (lambda: fd.Sequential().fit(epoch=3), "fit has no argument 'epoch'. Did you mean 'epochs'"),
        (lambda: fd.Sequential().compile(optimiser="sgd"), "Did you mean 'optimizer'"),
    ],
)
def test_the_nearest_name_is_told(call, told):
    with pytest.raises(TypeError, match=told):
        call()
