"""What the user asked for, composed of the rooms below. Called by the command line and by the Python API."""
