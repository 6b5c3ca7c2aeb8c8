"""Exact amounts of USD.

`Money` keeps nano-USD as an integer. It is made from text, `Decimal` or whole USD, never from a float.

Example:
    >>> from tierkit import Money
    >>> str(Money("0.02") + Money("0.003"))
    '0.023'
    >>> Money("1.50").nusd
    1500000000

"""

from __future__ import annotations

from tierkit._core import Money

__all__ = ["Money"]
