"""Says what will be done before it is done, and with a dry run does no more than that."""

import sys
from collections.abc import Callable
from typing import Any


class Plan:
    """Steps in their order; standard output stays free for results."""

    def __init__(self, *, dry: bool) -> None:
        """Take whether to say only."""
        self.dry = dry

    def step(self, what: str, do: Callable[..., Any], *arguments: Any) -> Any:
        """Say what comes, do it, and return what that returned; None in a dry run."""
        self.say(("would do: " if self.dry else "") + what)
        return None if self.dry else do(*arguments)

    def say(self, sentence: str) -> None:
        """Write a line for people."""
        sys.stderr.write(sentence + "\n")
