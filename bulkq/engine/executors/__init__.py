"""Where batches are executed: in this process, or in workers of a Dask cluster.

local                                      this process

In the process of the run:

dask_cluster                               the scheduler, and which workers there are
worker_channel, worker_roster              requests to one worker; what became of each
remote_driver, remote_connection           a driver whose connections workers have, and the choice of the worker for each
remote_mapper                              `--map` over rows that came as values
local_workers, fork_server, fork_server_begin    the worker processes of this machine, which the run starts and ends itself

In the process of a worker:

dask_worker                                the sessions of runs, and how a worker that is retired lets them end
worker_session                             the connections that one run has
standstill                                 whether the worker stood still, so that what it was sent is late
map_and_encode_rows, garbage_collection    rows on their way out

In both:

unix_socket, copied_bytes                  transport on one machine; bytes of COPY
parent_end                                 the end of the parent of a stopped process
"""
