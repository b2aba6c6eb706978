"""freedive: deep learning where the whole training run is one compiled program, with the words of Keras."""

from . import callbacks, layers, models
from .config import register
from .core import cache
from .core.graph import Input
from .core.variables import set_seed
from .files import ModelFileError
from .models import Model, Sequential

cache.switch_on()

__version__ = "0.1.0"
__all__ = ["Input", "Model", "ModelFileError", "Sequential", "callbacks", "layers", "models", "register", "set_seed"]
