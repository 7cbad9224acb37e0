"""What bulkq must reach, measured against its peers: whole processes, in turn. `python -m benchmarks P1`."""
