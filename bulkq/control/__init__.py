"""Live control: a run listens on a private unix socket, and at a mailbox in a ledger; `bulkq ctl` and scripts send it requests.

server, socket_folder    the side of the run: its socket, and where it lies
client                   the side of `bulkq ctl` on the same host
mailbox                  the side of the run for commands from other hosts; the ledger keeps them in `bulkq.ledger.command_mailbox`, and
                         `bulkq.tasks.steer` sends them and waits
answer_request           a request -> its answer
steerable                what a run can be asked; `bulkq.engine.live_run` does it
person                   who asks

Requests and answers are JSON objects of one line each, see `bulkq.policy.control_request`.
"""
