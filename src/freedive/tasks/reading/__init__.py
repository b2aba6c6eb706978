"""How files become the rows that a model understands. A reader is kept in the model's file, so the file is enough."""

from .base import Reader, Rows
from .numbers import Numbers
from .pictures import Pictures
from .series import Past
from .sounds import Sounds
from .tables import Columns
from .texts import Texts

__all__ = ["Columns", "Numbers", "Past", "Pictures", "Reader", "Rows", "Sounds", "Texts"]
