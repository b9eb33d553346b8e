"""Weights that a person brings, by what stands in the file.

``reading`` reads files as plain data, ``tables`` finds state dicts in it, ``offers`` chooses the table that fits a
model best, as its source understands it, ``fitting`` loads it and says what was done, and ``refusals`` words what
cannot be used. Which kinds of files can hold weights at all is in ``pqv_core/files/weights_files.py``, without torch.
"""
