"""Training steps: Luthier beside the Hugging Face `Trainer` and TRL, all sides in turns, each in a process of its own.

All sides have the same token ids, initial weights, batch size, rate and number of rows. Losses are compared first, with
dropout off and on the same batches; a case whose losses differ is printed as invalid, not as fast.
"""
