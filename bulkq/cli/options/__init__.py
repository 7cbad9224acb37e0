"""Options of the command line: groups, types, defaults, and the request that they build."""
