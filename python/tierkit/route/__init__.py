"""Which tier is good enough: what the person asks, how hard it is, and a share of the traffic per tier.

Importing this package reads no file and imports neither numpy nor onnxruntime; the first score does.
"""

from tierkit._core import TierScore
from tierkit.route.ask import Ask, human_ask
from tierkit.route.bound import QualityBound, quality_bound
from tierkit.route.classifier import ClassifierFallbackWarning, TierClassifier
from tierkit.route.router import Router

__all__ = [
    "Ask",
    "ClassifierFallbackWarning",
    "QualityBound",
    "Router",
    "TierClassifier",
    "TierScore",
    "human_ask",
    "quality_bound",
]
