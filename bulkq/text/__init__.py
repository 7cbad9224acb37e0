"""Text for people, pure: how a value is shown so that two different values never look alike."""
