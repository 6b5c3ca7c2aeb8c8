"""Prices that a policy gives itself, for own hardware or an agreed discount."""

from __future__ import annotations

from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING

from tierkit import _core
from tierkit.errors import ConfigError
from tierkit.prices.file import rates_record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tierkit._core import _PriceModelRecord, _PriceRowRecord

__all__ = ["override_record"]

_KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")


def override_record(model: str, prices: Mapping[str, str | Decimal]) -> _PriceModelRecord:
    """Check the user's prices of one model and give them in the form that the core takes."""
    for kind in prices:
        if kind not in _KINDS:
            near = get_close_matches(kind, _KINDS, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else f"; expected one of {', '.join(_KINDS)}"
            raise ConfigError(f"price of model '{model}': unknown kind '{kind}'{hint}")
    if "input" not in prices:
        raise ConfigError(f"price of model '{model}': no 'input'; write input = \"0.05 USD/Mtok\"")
    priced = {kind: _pusd_per_token(model, kind, price) for kind, price in prices.items()}
    row: _PriceRowRecord = ("standard", (0, None), (None, None), None, rates_record(priced), "policy", "given")
    return model, "policy", [], False, [row]


def _pusd_per_token(model: str, kind: str, price: str | Decimal) -> int:
    if not isinstance(price, (str, Decimal)):
        seen = type(price).__name__
        raise ConfigError(
            f"price '{kind}' of model '{model}': {price!r} is a {seen}; write it as text, such as '0.05 USD/Mtok'"
        )
    try:
        return _core.price_pusd_per_token(str(price))
    except ConfigError as error:
        raise ConfigError(
            f"price '{kind}' of model '{model}': {error}; write USD per million tokens, '0.05 USD/Mtok'"
        ) from error
