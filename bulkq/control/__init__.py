"""Live control: a run listens on a private unix socket, and at a mailbox in a ledger; `bulkq ctl` and scripts send it requests.

Requests and answers are JSON objects of one line each, see `bulkq.policy.control_request`.
"""
