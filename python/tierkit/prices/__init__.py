"""What calls cost: the price book that comes with the package, and the user's own prices."""

from __future__ import annotations

from tierkit._core import ModelPrice, PriceRow
from tierkit.prices.book import PriceBook, PricedCost

__all__ = ["ModelPrice", "PriceBook", "PriceRow", "PricedCost"]
