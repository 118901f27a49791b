"""Plays the SageMaker XGBoost image with the command ``train``. Run by path with the container's interpreter.

It must not import anything of the project: on AWS nothing of it is there. Its directory comes first on the
module path, which is how the ``training`` package beside it is found.
"""

import runpy

if __name__ == "__main__":
    runpy.run_module("training", run_name="__main__", alter_sys=True)
