"""Where batches are executed, as the user has chosen it with `--executor`."""

from __future__ import annotations

from bulkq.model.frozen_dataclass import frozen


@frozen(kw_only=True)
class ExecutorChoice:
    """A Dask cluster.

    Attributes:
        text: as typed.
        address: of the scheduler; "" for a cluster that is started for the run.
        local: worker processes to start on this machine; 0 for a cluster that is there.
        tls_ca: file of the certificate authority; "" for what Dask is configured with.
        tls_cert: file of the certificate of the run.
        tls_key: file of its key.
    """

    text: str
    address: str = ""
    local: int = 0
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
