"""Predictions: `predict` beside the `pipeline` of transformers at several batch sizes, in turns.

Answers are compared first; where they differ, the times are printed as invalid.
"""
