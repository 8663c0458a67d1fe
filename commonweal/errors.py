"""Say what was asked, where, what is allowed and what is close, in one line.

::

    CommonwealError
    |-- UnknownName      a name nobody registered, or a setting nobody has
    |-- BadSetting       a value of the wrong type, out of bounds, or at odds with another
    |-- BadFile          a file, run folder, checkpoint or disk that cannot be used
    |-- BrokenContract   a kind that does not keep its promise; its author must act
    |-- Diverged         a run whose numbers are no longer finite
    `-- MissingExtra     an optional part of the installation that is absent

The command prints ``commonweal: <message>`` and ends with status 2, without a traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class CommonwealError(Exception):
    """Anything this framework reports to its user; the message is one line."""


class UnknownName(CommonwealError):
    """A name that does not exist, with the nearest one that does."""


class BadSetting(CommonwealError):
    """A setting whose value is not allowed."""


class BadFile(CommonwealError):
    """A file or folder that is missing, damaged or cannot be written."""


class BrokenContract(CommonwealError):
    """A kind that breaks a clause every kind must keep."""


class Diverged(CommonwealError):
    """A run that produced numbers that are not finite."""


class MissingExtra(CommonwealError):
    """An optional dependency that is needed now and not installed."""


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest of ``names``, or nothing."""
    close = get_close_matches(name, list(names), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def known(name: str, names: Iterable[str]) -> str:
    """Return the closest of ``names`` as `nearest` does, or all of them when none is close."""
    names = sorted(names)
    return nearest(name, names) or (f"; known: {', '.join(names)}" if names else "")
