"""Tests of the pipeline: what Python users hold in their hands."""
