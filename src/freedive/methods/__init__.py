"""Methods: functions from programs to programs, and what is built on them: ensembles, folds, seeds, searches."""

from .calibration import Calibration, calibration
from .ensemble import Ensemble, Spread
from .population import Population
from .replicate import replicate

__all__ = ["Calibration", "Ensemble", "Population", "Spread", "calibration", "replicate"]
