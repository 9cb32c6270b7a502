"""Many studies planned side by side, on Dask: a study is a task, and a study that fails stops nobody."""
