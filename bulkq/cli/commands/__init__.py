"""One module for each command, which holds it as `command`."""
