"""Modules loaded while something else is done."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module


@contextmanager
def loaded_ahead(names: Sequence[str]) -> Iterator[None]:
    """Load modules that are needed afterwards beside work that leaves Python's lock alone, as decoding slices does.

    Parameters
    ----------
    names : sequence of str
        The modules. What is wrong with one is told to whoever imports it next.

    Yields
    ------
    None
    """
    modules = threading.Thread(target=_load, args=(tuple(names),), name="modules ahead", daemon=True)
    modules.start()
    try:
        yield
    finally:
        # before anything else is imported: two threads that load one another's modules may wait for ever
        modules.join()


def _load(names: Sequence[str]) -> None:
    with suppress(Exception):  # it is told to whoever imports the module next
        for name in names:
            import_module(name)
