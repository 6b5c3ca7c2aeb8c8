"""Where a backend may send requests: http and https, never a cloud's metadata service.

A metadata service hands credentials to whoever asks from inside the machine. A base url that points there, by name, by
number, by redirect or by a name that resolves to it, is refused before a byte is sent.

Example:
    >>> from tierkit.backends.address import base_url
    >>> base_url("http://127.0.0.1:8000")
    'http://127.0.0.1:8000/v1'
    >>> base_url("https://api.openai.com/v1/")
    'https://api.openai.com/v1'

"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from tierkit.errors import ConfigError

__all__ = ["base_url", "is_forbidden_address"]

_NAMES = frozenset({"metadata.google.internal", "metadata.goog"})
# Link-local networks, and the metadata addresses of AWS (IPv6), Alibaba and Oracle outside them.
_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32", "192.0.0.192/32")
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def base_url(url: str, *, allow_link_local: bool = False) -> str:
    """Check a backend's url and return it with its version path and without a trailing slash.

    Args:
        url: Such as "http://127.0.0.1:8000" or "https://host/prefix/v1"; "/v1" is added when it is not there.
        allow_link_local: True accepts link-local and metadata addresses.

    Raises:
        ConfigError: Another scheme, no host, credentials in the url, a query, or a refused address.

    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"url {url[:200]!r}: {error}; expected such as 'http://127.0.0.1:8000'") from None
    if parts.scheme not in {"http", "https"}:
        raise ConfigError(f"url {url[:200]!r}: scheme {parts.scheme[:20]!r}, expected 'http' or 'https'")
    if "@" in parts.netloc:
        # The url itself stays out of the message: it holds a secret.
        raise ConfigError(f"url of host {host!r}: credentials in a url end up in logs; use api_key_env instead")
    if not host or port == 0 or any(c <= " " for c in url):
        raise ConfigError(f"url {url[:200]!r}: expected a host, such as 'http://127.0.0.1:8000'")
    if parts.query or parts.fragment:
        raise ConfigError(f"url {url[:200]!r}: expected no query and no fragment")
    if not allow_link_local and (host.rstrip(".").lower() in _NAMES or is_forbidden_address(host)):
        raise ConfigError(
            f"url {url[:200]!r}: {host} is a link-local or metadata address, which is refused; "
            "set allow_link_local if a model server really listens there"
        )
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path if path.endswith('/v1') else path + '/v1'}"


def is_forbidden_address(host: str) -> bool:
    """Tell whether a host, written as an address in any usual or unusual way, is link-local or a metadata service.

    Names are not resolved here; the address that was really connected to is checked again after connecting.

    Example:
        >>> from tierkit.backends.address import is_forbidden_address
        >>> [is_forbidden_address(host) for host in ("169.254.169.254", "0xA9FEA9FE", "::ffff:a9fe:a9fe", "10.0.0.1")]
        [True, True, True, False]

    """
    address = _address(host)
    return address is not None and any(address in network for network in _NETWORKS)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            # Resolvers also read decimal, octal, hexadecimal and short forms.
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped or address.sixtofour:
            return address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
