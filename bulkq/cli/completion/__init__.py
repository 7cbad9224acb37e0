"""Shell completion: the scripts of `bulkq completion`, and the values that they ask for."""
