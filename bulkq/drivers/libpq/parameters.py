"""Every connection parameter of libpq 18 with its environment variable.

Source: https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-PARAMKEYWORDS and libpq-envars.html.
`docs/reference/connections.md` shows the same as a table; a test compares the two.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "require_auth": "PGREQUIREAUTH",
    "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "client_encoding": "PGCLIENTENCODING",
    "options": "PGOPTIONS",
    "application_name": "PGAPPNAME",
    "sslmode": "PGSSLMODE",
    "requiressl": "PGREQUIRESSL",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "sslcompression": "PGSSLCOMPRESSION",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcertmode": "PGSSLCERTMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "sslcrldir": "PGSSLCRLDIR",
    "sslsni": "PGSSLSNI",
    "requirepeer": "PGREQUIREPEER",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "min_protocol_version": "PGMINPROTOCOLVERSION",
    "max_protocol_version": "PGMAXPROTOCOLVERSION",
    "gssencmode": "PGGSSENCMODE",
    "krbsrvname": "PGKRBSRVNAME",
    "gsslib": "PGGSSLIB",
    "gssdelegation": "PGGSSDELEGATION",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "load_balance_hosts": "PGLOADBALANCEHOSTS",
}
"""Parameters that an environment variable can give. PGSERVICE and PGSERVICEFILE lead to the service file."""

SETTINGS = {"datestyle": "PGDATESTYLE", "timezone": "PGTZ", "geqo": "PGGEQO"}
"""Variables that are settings of the server; no parameter gives them, but `options` can."""

OTHERS = (
    "service",
    "servicefile",
    "fallback_application_name",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "replication",
    "sslkeylogfile",
    "sslpassword",
    "scram_client_key",
    "scram_server_key",
    "oauth_issuer",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_scope",
)
"""Parameters without a variable of their own."""

KEYWORDS = frozenset({*VARIABLES, *OTHERS})
SECRET = frozenset({"password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"})

SYNONYMS = {"database": "dbname", "username": "user"}
"""Names that bulkq takes for a parameter beside libpq's own."""

UTF8 = frozenset({"", "auto", "utf8", "unicode"})


@frozen
class ConnectionParameter:
    """A parameter and where it was found."""

    value: str = field(repr=False)
    source: str  # `the URL`, `service "shop"`, `PGOPTIONS`


def find_value(given: Mapping[str, ConnectionParameter], name: str) -> str:
    """The value of a parameter; "" where it is not given."""
    return given[name].value if name in given else ""


def refuse_encoding(given: Mapping[str, ConnectionParameter]) -> None:
    """Refuse another encoding than UTF-8 between the server and us: values that it does not have could not be sent.

    Raises:
        UsageError: `client_encoding` asks for one.
    """
    asked = given.get("client_encoding")
    if asked is not None and asked.value.replace("-", "").replace("_", "").lower() not in UTF8:
        raise UsageError(
            f"{describe_parameter('client_encoding', asked)}: bulkq exchanges UTF-8 with the server and reads and writes UTF-8 files: "
            "remove it, and convert the files with iconv"
        )


def describe_parameter(name: str, given: ConnectionParameter) -> str:
    """Return the parameter with its source, for a message; the value of a secret is left out."""
    return f"{name} ({given.source})" if name in SECRET else f"{name}={given.value} ({given.source})"
