"""Reports: one HTML file that tells how a run went, with its pictures inside and nothing from elsewhere."""

from .gallery import gallery
from .pictures import data_uri, png
from .scores import ClassScore, Mistake, accuracy, class_scores, confusion_matrix, confusions, worst_mistakes
from .training import TrainingReport

__all__ = [
    "ClassScore",
    "Mistake",
    "TrainingReport",
    "accuracy",
    "class_scores",
    "confusion_matrix",
    "confusions",
    "data_uri",
    "gallery",
    "png",
    "worst_mistakes",
]
