"""Steps of the layer's build, run by its Makefile on the folder of installed packages.

Standard library only, and any Python from 3.11: it runs on whatever machine builds the layer.
"""
