"""From raw files to a trained model: one class a task, by scikit-learn's protocol."""

from .base import Task
from .baselines import Baseline, baseline_scores
from .classifier import Classifier
from .images import ImageClassifier
from .modelfile import About
from .reading import Reader
from .sequences import SequenceClassifier
from .series import Forecaster
from .speech import SpeechClassifier, SpeechTask, Transcriber
from .tables import TabularClassifier, TabularRegressor
from .targets import Amounts, Classes, Target
from .text import TextClassifier
from .transcripts import Transcripts
from .translation import Translator

__all__ = [
    "About",
    "Amounts",
    "Baseline",
    "Classes",
    "Classifier",
    "Forecaster",
    "ImageClassifier",
    "Reader",
    "SequenceClassifier",
    "SpeechClassifier",
    "SpeechTask",
    "TabularClassifier",
    "TabularRegressor",
    "Target",
    "Task",
    "TextClassifier",
    "Transcriber",
    "Transcripts",
    "Translator",
    "baseline_scores",
]
