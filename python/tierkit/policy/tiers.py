"""`Tier`, its price, and `BackendSettings`: which model answers, at what price, on which server."""

from __future__ import annotations

from tierkit.errors import ConfigError
from tierkit.policy import numbers
from tierkit.policy.record import Record
from tierkit.policy.words import check_name, nearest, one_of, quoted, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PRICE_KEYS", "Tier", "TierPrice"]

PRICE_KEYS = ("input", "output", "cache_read", "cache_write")
ABILITIES = ("tools", "vision", "json")
_LONGEST_MODEL = 256


class TierPrice(Record):
    """What a tier costs, in USD per million tokens, written as text so that no digit is lost.

    Args:
        input: Price of a token that is sent, such as "0.05 USD/Mtok".
        output: Price of a token that is answered.
        cache_read: Price of a token read from the server's prompt cache; None: as input.
        cache_write: Price of a token written to it; None: as input.

    Example:
        >>> from tierkit.policy import TierPrice
        >>> TierPrice("0.05 USD/Mtok", output="0.20 USD/Mtok").output_pusd_per_token
        200000

    """

    __slots__ = ("_pusd", "cache_read", "cache_write", "input", "output")
    __match_args__ = (
        "input",
        "output",
        "cache_read",
        "cache_write",
    )

    input: str
    output: str
    cache_read: str | None
    cache_write: str | None
    _pusd: tuple[int, int, int, int]

    def __init__(
        self,
        input: str,  # noqa: A002 - the word of the policy file
        *,
        output: str,
        cache_read: str | None = None,
        cache_write: str | None = None,
    ) -> None:
        """Read each price."""
        given = (
            input,
            output,
            input if cache_read is None else cache_read,
            input if cache_write is None else cache_write,
        )
        for key, text in zip(PRICE_KEYS, given, strict=True):
            if not isinstance(text, str):
                raise ConfigError(f"{key} {quoted(text)}: expected text such as '0.05 USD/Mtok'")
        pusd = tuple(numbers.price_of(key, text) for key, text in zip(PRICE_KEYS, given, strict=True))
        self._keep(input=input, output=output, cache_read=cache_read, cache_write=cache_write, _pusd=pusd)

    @property
    def input_pusd_per_token(self) -> int:
        """Price of an uncached input token, in pico-USD (1 USD/Mtok = 1,000,000)."""
        return self._pusd[0]

    @property
    def output_pusd_per_token(self) -> int:
        """Price of an output token, in pico-USD."""
        return self._pusd[1]

    @property
    def cache_read_pusd_per_token(self) -> int:
        """Price of an input token read from the server's prompt cache, in pico-USD."""
        return self._pusd[2]

    @property
    def cache_write_pusd_per_token(self) -> int:
        """Price of an input token written to the server's prompt cache, in pico-USD."""
        return self._pusd[3]


class Tier(Record):
    """A model that may answer. A policy lists its tiers cheapest first.

    Args:
        name: Unique in the policy.
        model: The name that the server knows.
        backend: Name of the backend that serves it; "" when the program calls the model itself.
        price: `TierPrice` or a mapping of its arguments; None: the price book, by model.
        context_tokens: Input and output tokens that fit together; None: as the model's maker says, or unknown.
        max_output_tokens: Upper bound of each answer of this tier; None: the request's own.
        supports: What it can do of "tools", "vision" and "json"; None: all. Others never get such a request.

    Example:
        >>> from tierkit import Tier
        >>> Tier("small", model="Qwen/Qwen3-8B", backend="mi355x")
        Tier(name='small', model='Qwen/Qwen3-8B', backend='mi355x')

    """

    __slots__ = ("backend", "context_tokens", "max_output_tokens", "model", "name", "price", "supports")
    __match_args__ = (
        "name",
        "model",
        "backend",
        "price",
        "context_tokens",
        "max_output_tokens",
        "supports",
    )

    name: str
    model: str
    backend: str
    price: TierPrice | None
    context_tokens: int | None
    max_output_tokens: int | None
    supports: tuple[str, ...] | None

    def __init__(
        self,
        name: str,
        *,
        model: str,
        backend: str = "",
        price: TierPrice | Mapping[str, str] | None = None,
        context_tokens: int | None = None,
        max_output_tokens: int | None = None,
        supports: Sequence[str] | None = None,
    ) -> None:
        """Check each value."""
        if not isinstance(model, str) or not model.strip() or len(model) > _LONGEST_MODEL or not model.isprintable():
            raise ConfigError(f"model {quoted(model)}: expected the name that the server knows, such as 'gpt-5'")
        self._keep(
            name=check_name("name", name),
            model=model,
            backend=check_name("backend", backend) if backend != "" else "",
            price=_price(price),
            context_tokens=whole("context_tokens", context_tokens, least=1),
            max_output_tokens=whole("max_output_tokens", max_output_tokens, least=1),
            supports=None if supports is None else tuple(one_of("supports", one, ABILITIES) for one in supports),
        )
        if self.context_tokens and self.max_output_tokens and self.max_output_tokens > self.context_tokens:
            bound = f"more than context_tokens, {self.context_tokens}"
            raise ConfigError(f"max_output_tokens '{self.max_output_tokens}': {bound}; lower it")


def _price(price: TierPrice | Mapping[str, str] | None) -> TierPrice | None:
    if price is None or isinstance(price, TierPrice):
        return price
    if not hasattr(price, "keys"):
        raise ConfigError(f'price {quoted(price)}: expected {{ input = "0.05 USD/Mtok", output = "0.20 USD/Mtok" }}')
    for key in price:
        if key not in PRICE_KEYS:
            raise ConfigError(f"price: unknown key {quoted(key)}{nearest(str(key), PRICE_KEYS)}")
    for key in ("input", "output"):
        if key not in price:
            raise ConfigError(f'price: {key} is missing; write {key} = "0.05 USD/Mtok"')
    return TierPrice(**price)
