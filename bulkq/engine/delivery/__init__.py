"""How results leave the engine: in input order, unordered, as a stream, or through a function.

choose, base                which one a target has; what all of them do
ordered, unordered          small results
streaming, stream_backlog   large results, in pieces
mapped, verdict_delivery    `--map`; `bulkq check`
backlog, overflow           results that wait for their turn: in memory, in a file
"""
