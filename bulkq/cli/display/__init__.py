"""What the command line shows while a command runs and after it."""
