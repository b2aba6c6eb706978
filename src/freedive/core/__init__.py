"""What a model is: layers describe, a pass computes, values rest in the layers between runs."""

from . import cache

cache.switch_on()
