"""The Python API over the workflows of `validate`, `run`, `rerun` and `run-all`.

`importer` itself gives out its names, and loads the modules `check` and `imports` when they are used. `jobs_file` reads
the file of `run-all`, and `jobs` runs its jobs.
"""
