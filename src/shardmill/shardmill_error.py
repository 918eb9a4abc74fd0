"""The base of all errors of shardmill."""

from collections.abc import Callable
from typing import ClassVar


class ShardmillError(Exception):
    """The base of all errors that are about the user's files rather than shardmill's code.

    Attributes:
        where: The file, line, field or option concerned.
        expected: What should have been there.
        found: What was there.
        fix: What the user can do next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, where: object, *, expected: str, found: str, fix: str) -> None:
        self.where: str = str(where)
        self.expected = expected
        self.found = found
        self.fix = fix
        super().__init__(f"{self.where}: expected {expected}, found {found}; {fix}")

    def reword(self, change: Callable[[str], str]) -> None:
        """Change the texts of the error, which may name a file that stands for something else.

        Args:
            change: A function of one of the texts that returns what it is to be.
        """
        texts = (self.where, self.expected, self.found, self.fix)
        where, expected, found, fix = map(change, texts)
        again = type(self)(where, expected=expected, found=found, fix=fix)
        vars(self).update(vars(again))
        Exception.__init__(self, *again.args)

    def __reduce__(self) -> tuple[object, ...]:
        # Errors are pickled between processes, and pickle cannot pass keyword-only arguments.
        facts = (type(self), self.where, self.expected, self.found, self.fix)
        return _rebuild, facts, vars(self)


def _rebuild(
    kind: type[ShardmillError], where: str, expected: str, found: str, fix: str
) -> ShardmillError:
    return kind(where, expected=expected, found=found, fix=fix)
