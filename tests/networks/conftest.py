"""Every test of networks begins with the same seed, whatever ran before it."""

import pytest

import freedive as fd


@pytest.fixture(autouse=True)
def seeded():
    fd.set_seed(0)
