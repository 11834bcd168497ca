"""Days of sending in minutes: the real submission and limiter on a clock that is moved by waiting."""
