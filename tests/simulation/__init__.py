"""Days of sending in minutes: the real submission and quota on a clock that is moved by waiting."""
