"""tune: a search for the parameters of a model, with many trials in one program."""

from .engine import Ray
from .pruning import Median
from .search import Bayesian, Grid, Halving, PopulationBased, Random
from .space import Choice, Real, Whole
from .study import Study, Trial
from .tune import tune

__all__ = [
    "Bayesian",
    "Choice",
    "Grid",
    "Halving",
    "Median",
    "PopulationBased",
    "Random",
    "Ray",
    "Real",
    "Study",
    "Trial",
    "Whole",
    "tune",
]
