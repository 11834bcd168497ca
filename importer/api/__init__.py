"""The Python API over the workflows of `validate`, `run`, `rerun` and `run-all`: `check`, `imports`, `jobs`.

`importer` itself gives out its names, and loads the modules when they are used.
"""
