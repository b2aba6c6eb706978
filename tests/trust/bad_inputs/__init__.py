"""Bad inputs to the public API: tables of name -> (what to do, words of the error or warning)."""

from . import data, layers, others, settings

REFUSED = {**data.REFUSED, **settings.REFUSED, **layers.REFUSED, **others.REFUSED}
WARNED = data.WARNED
