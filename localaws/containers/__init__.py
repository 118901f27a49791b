"""Programs that play SageMaker's container images; run as processes by the images' own interpreter."""

from pathlib import Path

SERVE = Path(__file__).parent / "serve.py"
TRAIN = Path(__file__).parent / "train.py"
STARTUP = Path(__file__).parent / "startup"
"""First in the PYTHONPATH of a job's script, which then imports xgboost without what it cannot miss."""
