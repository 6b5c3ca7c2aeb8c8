"""What every test shares: the repository's root, and no network beyond this machine."""

from __future__ import annotations

import ipaddress
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Examples are bounded by their number; how long a busy machine takes for one says nothing.
settings.register_profile("tierkit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tierkit")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root folder."""
    return ROOT


def _is_local(host: object) -> bool:
    if not isinstance(host, str) or host in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_foreign_hosts(event: str, arguments: tuple[object, ...]) -> None:
    """Raise where a test would leave this machine; the hook sees sockets of every library."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not _is_local(host):
        raise RuntimeError(f"a test reached for {host!r}: tests talk to this machine only")


sys.addaudithook(_refuse_foreign_hosts)

# A shell starts what it runs in the background deaf to interrupts, and so would be all commands that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
