"""A URL, the service file that it names, and the environment, as one set of parameters in libpq's order of precedence.

Order: the URL, then the service file, then the environment:
https://www.postgresql.org/docs/current/libpq-pgservice.html and `conninfo_add_defaults` of libpq.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.drivers.libpq.parameters import SETTINGS, VARIABLES, ConnectionParameter
from bulkq.drivers.libpq.service_file import parameters_of_service
from bulkq.drivers.libpq.url import parameters_of_url

if TYPE_CHECKING:
    from collections.abc import Mapping

URL = "the URL"


def resolve_parameters(url: str, environment: Mapping[str, str]) -> dict[str, ConnectionParameter]:
    """Every parameter that is given, by libpq's name; what libpq does not know stands under its own name, from the URL only.

    Raises:
        UsageError: the service, or a parameter of it, cannot be found.
    """
    found = {name: ConnectionParameter(value, URL) for name, value in parameters_of_url(url).items()}
    for name, value, source in parameters_of_service(found, environment):
        found.setdefault(name, ConnectionParameter(value, source))
    for name, variable in (VARIABLES | SETTINGS).items():
        if environment.get(variable):
            found.setdefault(name, ConnectionParameter(environment[variable], variable))
    return found
