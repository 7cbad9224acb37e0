"""What a PostgreSQL URL and its environment ask for."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import pytest

from bulkq.drivers.asyncpg import connect_arguments
from bulkq.errors import UsageError
from bulkq.model import Setting


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg", "PostgreSQL"])
def test_the_schemes_of_one_driver(scheme: str) -> None:
    """SQLAlchemy's name of the driver means the same database, whose TLS rule holds."""
    found = connect_arguments.read_options(f"{scheme}://u:p%40@db1:5432/d?sslmode=require&connect_timeout=3", {})
    assert (found.user, found.password, found.database) == ("u", "p@", "d")
    assert (found.hosts, found.ports, found.timeout_s) == (("db1",), (5432,), 3.0)


@pytest.mark.parametrize(
    ("url", "environment", "required"),
    [
        ("postgresql://", {}, False),
        ("postgresql://localhost/db", {}, False),
        ("postgresql://127.0.0.2:5432/db", {}, False),
        ("postgresql://[::1]:5432/db", {}, False),
        ("postgresql:///db?host=/run/postgresql", {}, False),
        ("postgresql://%2Frun%2Fpostgresql/db", {}, False),
        ("postgresql://db1/db", {}, True),
        ("postgresql://u:p@db1:5432/db", {}, True),
        ("postgresql://localhost,db1/db", {}, True),
        ("postgresql://[2001:db8::1]:5432/db", {}, True),
        ("postgresql://127.0.0.1.example.com/db", {}, True),
        ("postgresql:///db?host=db1", {}, True),
        ("postgresql://", {"PGHOST": "db1"}, True),
        ("postgresql://localhost", {"PGHOST": "db1"}, False),
        ("postgresql://db1/db?sslmode=disable", {}, False),
        ("postgresql://db1/db?sslmode=prefer", {}, False),
        ("postgresql://db1/db", {"PGSSLMODE": "disable"}, False),
    ],
)
def test_the_tls_rule(url: str, environment: dict[str, str], required: bool) -> None:
    """A host that is not this machine gets TLS, unless somebody said otherwise by name."""
    found = connect_arguments.read_options(url, environment)
    assert found.required is required
    assert (found.ssl == "require") is required


@pytest.mark.parametrize("port", ["99999", "65536", "0", "1" * 5000, "abc"])
def test_a_port_that_cannot_be_is_an_error_in_the_url(port: str) -> None:
    """It is found before anybody connects, and not repeated: it may be a piece of a password."""
    with pytest.raises(UsageError, match="port number from 1 to 65535"):
        connect_arguments.read_options(f"postgresql://127.0.0.1:{port}/db", {})
    with pytest.raises(UsageError, match="in a user or password") as caught:
        connect_arguments.read_options("postgresql://u:99999/word@db1/db", {})
    assert "99999" not in str(caught.value)


def test_service_files(tmp_path: Path) -> None:
    """A service's parameters are read as libpq reads them; one that is not there is an error with the file's name."""
    path = tmp_path / "services"
    path.write_text(
        "# ours\n[far]\nhost=db1,db2\nport=5433\nconnect_timeout=3\n\n[off]\nhost=db1\nsslmode=disable\n"
        "[odd]\n password=100%; # 'x' \nhost=/run/x\n[loop]\nservice=far\n[typo]\nhots=db1\n[ldap]\nldap://h\n[none]\nhost\n"
    )
    environment = {"PGSERVICEFILE": str(path)}
    far = connect_arguments.read_options("postgresql://?service=far", environment)
    assert (far.hosts, far.ports, far.timeout_s, far.required) == (("db1", "db2"), (5433, 5433), 3.0, True)
    assert connect_arguments.read_options("postgresql://", environment | {"PGSERVICE": "far"}).hosts == ("db1", "db2")
    assert connect_arguments.read_options("postgresql://db3/?service=far", environment).hosts == ("db3",)
    assert connect_arguments.read_options(
        "postgresql://", environment | {"PGSERVICE": "far", "PGHOST": "db4"}
    ).hosts == (
        "db1",
        "db2",
    )
    assert not connect_arguments.read_options("postgresql://?service=off", environment).required
    assert connect_arguments.read_options("postgresql://?service=odd", environment).password == "100%; # 'x'"
    assert connect_arguments.read_options(f"postgresql://?service=far&servicefile={path}", {}).hosts == ("db1", "db2")
    for service, words in {
        "nowhere": 'no service "nowhere" in',
        "loop": ":14: a service cannot name another",
        "typo": r':16: libpq has no parameter "hots" \(did you mean host\?\)',
        "ldap": "bulkq does not look services up in LDAP",
        "none": "write key=value lines",
    }.items():
        with pytest.raises(UsageError, match=words):
            connect_arguments.read_options(f"postgresql://?service={service}", environment)
    path.write_bytes(b"\xff")
    with pytest.raises(UsageError, match="cannot be read"):
        connect_arguments.read_options("postgresql://?service=far", environment)


def test_the_service_file_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGSYSCONFDIR is where libpq looks after the user's own file."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    (tmp_path / "pg_service.conf").write_text("[shop]\nhost=db1\n")
    environment = {"PGSYSCONFDIR": str(tmp_path), "PGSERVICE": "shop"}
    assert connect_arguments.read_options("postgresql://", environment).hosts == ("db1",)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".pg_service.conf").write_text("[shop]\nhost=db2\n")
    assert connect_arguments.read_options("postgresql://", environment).hosts == ("db2",)


@pytest.mark.parametrize(
    ("url", "environment", "hosts", "ports"),
    [
        ("postgresql://h1:1,h2/d", {"PGPORT": "7"}, ("h1", "h2"), (1, 5432)),
        ("postgresql://h1,h2/d", {"PGPORT": "7,8"}, ("h1", "h2"), (7, 8)),
        ("postgresql://[::1]:9/d", {}, ("::1",), (9,)),
        ("postgresql:///d?host=::1&port=9", {}, ("::1",), (9,)),
        ("postgresql:///d?host=h1:5&host=h2:6", {}, ("h1", "h2"), (5, 6)),
        ("postgresql://h1/d?host=h2", {}, ("h2",), (5432,)),
        ("postgresql:///d", {"PGHOSTADDR": "10.0.0.1"}, ("10.0.0.1",), (5432,)),
        ("postgresql:///d", {"PGPORT": "7"}, (), (7,)),
    ],
)
def test_hosts_and_ports(url: str, environment: dict[str, str], hosts: tuple[str, ...], ports: tuple[int, ...]) -> None:
    """As libpq pairs them."""
    found = connect_arguments.read_options(url, environment)
    assert (found.hosts, found.ports) == (hosts, ports)


@pytest.mark.parametrize(
    ("url", "environment", "words"),
    [
        ("postgresql://h/d", {"PGPORT": "x"}, r'"x" is not a port \(PGPORT\)'),
        ("postgresql://h1,h2,h3/d", {"PGPORT": "7,8"}, "2 ports for 3 hosts"),
        ("postgresql://h/d", {"PGHOSTADDR": "10.0.0.1"}, r"hostaddr=10.0.0.1 \(PGHOSTADDR\) beside host=h"),
        ("postgresql://h/d", {"PGCONNECT_TIMEOUT": "soon"}, r'"soon" is not a whole number \(PGCONNECT_TIMEOUT\)'),
        ("postgresql://h/d", {"PGCLIENTENCODING": "LATIN1"}, r"client_encoding=LATIN1 \(PGCLIENTENCODING\)"),
        ("postgresql://h/d?client_encoding=sql_ascii", {}, r"client_encoding=sql_ascii \(the URL\)"),
        ("postgresql://h/d", {"PGCHANNELBINDING": "require"}, r"channel_binding=require \(PGCHANNELBINDING\)"),
        ("postgresql://h/d", {"PGREQUIREAUTH": "scram-sha-256"}, "require_auth=scram-sha-256"),
        ("postgresql://h/d", {"PGGSSENCMODE": "require"}, "gssencmode=require"),
        ("postgresql://h/d", {"PGREQUIREPEER": "postgres"}, "requirepeer=postgres"),
        ("postgresql://h/d", {"PGSSLCRLDIR": "/crl"}, "sslcrldir=/crl"),
        ("postgresql://h/d", {"PGSSLSNI": "0"}, "sslsni=0"),
        ("postgresql://h/d", {"PGSSLCERTMODE": "require"}, "sslcertmode=require"),
        ("postgresql://h/d", {"PGLOADBALANCEHOSTS": "random"}, "load_balance_hosts=random"),
        ("postgresql://h/d", {"PGMINPROTOCOLVERSION": "latest"}, "min_protocol_version=latest"),
        ("postgresql://h/d", {"PGGSSDELEGATION": "1"}, "gssdelegation=1"),
        ("postgresql://h/d?replication=database", {}, "replication=database"),
        ("postgresql://h/d?oauth_client_secret=hunter2", {}, r"oauth_client_secret \(the URL\) is not supported"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(url: str, environment: dict[str, str], words: str) -> None:
    """One line says which parameter and where it stands; a secret is not shown."""
    with pytest.raises(UsageError, match=words) as caught:
        connect_arguments.read_options(url, environment)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parameters_that_are_honoured() -> None:
    """They reach asyncpg, the socket, or the start-up message; what asks for nothing special is taken."""
    found = connect_arguments.read_options(
        "postgresql://h/db?keepalives_idle=5&tcp_user_timeout=700&options=-c%20jit%3Doff&channel_binding=prefer"
        "&target_session_attrs=read-write&keepalives=0&gssencmode=prefer&max_protocol_version=3.2",
        {"PGAPPNAME": "mine", "PGKRBSRVNAME": "pg", "PGSSLNEGOTIATION": "direct", "PGREQUIRESSL": "1"},
    )
    assert parse_qs(found.extra.partition("?")[2]) == {
        "target_session_attrs": ["read-write"],
        "krbsrvname": ["pg"],
        "sslnegotiation": ["direct"],
    }
    assert found.keep_alive == connect_arguments.KeepAlive(on=False, idle_s=5, unacknowledged_ms=700)
    assert (found.application_name, found.ssl) == ("mine", "require")
    assert found.settings == (Setting("jit", "off", "the URL"),)
    assert (
        connect_arguments.read_options("postgresql://h/db?connect_timeout=60", {}).timeout_s
        == connect_arguments.CONNECT_S
    )
    assert (
        connect_arguments.read_options("postgresql://h/db?connect_timeout=0", {}).timeout_s
        == connect_arguments.CONNECT_S
    )
    assert connect_arguments.read_options("postgresql://h/db", {"PGCONNECT_TIMEOUT": "2"}).timeout_s == 2
    assert (
        connect_arguments.read_options(
            "postgresql://h/db?application_name=ours", {"PGAPPNAME": "mine"}
        ).application_name
        == "ours"
    )


def test_the_machines_certificates() -> None:
    """`sslrootcert=system` verifies against what this machine trusts, the name included."""
    found = connect_arguments.read_options("postgresql://db1/db?sslmode=verify-full&sslrootcert=system", {})
    assert not isinstance(found.ssl, (str, type(None)))
    assert found.ssl.check_hostname
    assert not found.required


def test_an_exposed_password_file_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password file that others may read is not used, and no warning of a library says so."""
    path = tmp_path / "pgpass"
    path.write_text("*:*:*:*:hunter2")
    path.chmod(0o644)
    assert connect_arguments.read_options("postgresql://h/db", {"PGPASSFILE": str(path)}).passfile == f"{path}.ignored"
    path.chmod(0o600)
    assert connect_arguments.read_options("postgresql://h/db", {"PGPASSFILE": str(path)}).passfile == str(path)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError))
    assert connect_arguments.read_options("postgresql://h/db", {}).passfile is None
