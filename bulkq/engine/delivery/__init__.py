"""How results leave the engine: in input order, unordered, as a stream, or through a function."""
