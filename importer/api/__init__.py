"""The Python API over the workflows of `validate`, `run` and `rerun`: `check` and `imports`.

`importer` itself gives out its names, and loads the modules when they are used.
"""
