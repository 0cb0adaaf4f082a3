"""Sends the curves of a run to trackers, such as Weights & Biases or MLflow; knows steps, names and values."""
