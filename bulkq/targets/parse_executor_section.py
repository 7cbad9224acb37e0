"""One `[executors.NAME]` of a file becomes an `ExecutorChoice`, or a line for each thing that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model import ExecutorChoice
from bulkq.policy.parse_executor import parse_address
from bulkq.text.message_parts import suggestion_or_names

if TYPE_CHECKING:
    from bulkq.targets.config_files import ConfigDocument

KEYS = ("dask", "tls_ca", "tls_cert", "tls_key")
EXAMPLE = 'dask = "tls://scheduler:8786"'


def read_executor(document: ConfigDocument, name: str, entry: object) -> tuple[ExecutorChoice | None, list[str]]:
    """The executor, if nothing is wrong with it, and the lines of what is. TLS files are found from the folder of the document."""
    place, key = document.place("executors", name), f"executors.{name}"
    if not isinstance(entry, dict):
        return None, [f"{place}: {key} must be a table: write [{key}] and {EXAMPLE} below"]
    if name == "local":
        return None, [f'{place}: "local" cannot be the name of an executor: it is this process']
    errors = [
        f'{document.place("executors", name, one)}: unknown key "{key}.{one}"{suggestion_or_names(one, KEYS)}'
        for one in entry.keys() - set(KEYS)
    ]
    errors += [
        f"{document.place('executors', name, one)}: {key}.{one} must be text"
        for one in KEYS
        if not isinstance(entry.get(one, ""), str)
    ]
    if errors:
        return None, errors
    if "dask" not in entry:
        return None, [f"{place}: {key} has no address: write {EXAMPLE}"]
    try:
        address = parse_address(entry["dask"], f"{document.place('executors', name, 'dask')}: {key}.dask")
    except UsageError as error:
        return None, [str(error)]
    ca, cert, key_file = (str(document.path.parent / entry[one]) if entry.get(one) else "" for one in KEYS[1:])
    if (ca or cert or key_file) and not address.startswith("tls://"):
        return None, [f"{place}: {key} has TLS files, but its address is not at tls://: write {EXAMPLE}"]
    if bool(ca) != bool(cert) or (key_file and not cert):
        return None, [f"{place}: {key} has not all TLS files: write tls_ca, tls_cert and tls_key"]
    return ExecutorChoice(text=name, address=address, tls_ca=ca, tls_cert=cert, tls_key=key_file), []
