"""From raw files to a trained model: one class a task, by scikit-learn's protocol."""

from .base import Classifier, Task
from .images import ImageClassifier
from .modelfile import About
from .reading import Reader
from .sequences import SequenceClassifier
from .tables import TabularClassifier
from .targets import Amounts, Classes, Target
from .text import TextClassifier
from .translation import Translator

__all__ = [
    "About",
    "Amounts",
    "Classes",
    "Classifier",
    "ImageClassifier",
    "Reader",
    "SequenceClassifier",
    "TabularClassifier",
    "Target",
    "Task",
    "TextClassifier",
    "Translator",
]
