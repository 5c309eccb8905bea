"""Memory that a model's loading needed and its serving does not goes back to the system."""

import ctypes


def give_back() -> None:
    """Return what is free: some 25 MB after a model was loaded, which glibc keeps otherwise.

    Elsewhere than on glibc it does nothing.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
