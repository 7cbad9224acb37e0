"""Connection parameters of libpq that asyncpg does not support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.drivers.libpq.parameters import describe_parameter
from bulkq.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.drivers.libpq.parameters import ConnectionParameter

OFF = ("", "0", "false", "no", "off")
ASYNCPG = {
    "channel_binding": ("", "disable", "prefer"),
    "gssencmode": ("", "disable", "prefer"),
    "gssdelegation": ("", "0"),
    "load_balance_hosts": ("", "disable"),
    "max_protocol_version": ("", "3.0", "3.2", "latest"),
    "min_protocol_version": ("", "3.0"),
    "replication": OFF,
    "sslcertmode": ("", "allow"),
    "sslsni": ("", "1"),
    **dict.fromkeys(
        (
            "oauth_client_id",
            "oauth_client_secret",
            "oauth_issuer",
            "oauth_scope",
            "require_auth",
            "requirepeer",
            "scram_client_key",
            "scram_server_key",
            "sslcrldir",
            "sslkeylogfile",
        ),
        ("",),
    ),
}
"""Parameters that asyncpg does not know, with the values that ask for nothing it does not do anyway."""


def refuse_unsupported(given: Mapping[str, ConnectionParameter]) -> None:
    """Refuse what asyncpg would leave out.

    Raises:
        UsageError: a parameter with a value that cannot be honoured.
    """
    for name, values in ASYNCPG.items():
        if name in given and given[name].value not in values:
            raise UsageError(
                f"{describe_parameter(name, given[name])} is not supported by the asyncpg driver: remove it, or use postgresql+psycopg://"
            )
