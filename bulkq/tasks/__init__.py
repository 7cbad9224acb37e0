"""The tasks of the commands, composed of the rooms below."""
