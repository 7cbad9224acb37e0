"""What the user asked for, composed of the rooms below."""
