"""Methods: functions from programs to programs, and what is built on them: ensembles, folds, seeds, searches."""

from .calibration import Calibration, calibration, temperature, tempered
from .distillation import Features, distill
from .ensemble import Ensemble, Spread
from .importance import Importance, permutation_importance
from .mixing import mix
from .population import Population
from .privacy import Ledger, Private, Spent, private
from .rate_range import RateRange, lr_find
from .replicate import replicate
from .scores import Comparison, Scores
from .transfer import GradualUnfreezing, discriminative_rates, transfer, unfreeze
from .tuning import (
    Bayesian,
    Choice,
    Grid,
    Halving,
    Median,
    PopulationBased,
    Random,
    Ray,
    Real,
    Study,
    Trial,
    Whole,
    tune,
)
from .validation import cross_validate, repeat

__all__ = [
    "Bayesian",
    "Calibration",
    "Choice",
    "Comparison",
    "Ensemble",
    "Features",
    "GradualUnfreezing",
    "Grid",
    "Halving",
    "Importance",
    "Ledger",
    "Median",
    "Population",
    "PopulationBased",
    "Private",
    "Random",
    "RateRange",
    "Ray",
    "Real",
    "Scores",
    "Spent",
    "Spread",
    "Study",
    "Trial",
    "Whole",
    "calibration",
    "cross_validate",
    "discriminative_rates",
    "distill",
    "lr_find",
    "mix",
    "permutation_importance",
    "private",
    "repeat",
    "replicate",
    "temperature",
    "tempered",
    "transfer",
    "tune",
    "unfreeze",
]
