"""Live control: a run listens on a private unix socket, and at a mailbox in a ledger; `bulkq ctl` and scripts send it requests.

server, socket_folder    the side of the run: its socket, and where it lies
client                   the other side
mailbox                  commands from other hosts; the ledger keeps them in `bulkq.ledger.command_mailbox`
answer_request           a request -> its answer
steerable                what a run can be asked; `bulkq.engine.live_run` does it
person                   who asks

Requests and answers are JSON objects of one line each, see `bulkq.policy.control_request`.
"""
