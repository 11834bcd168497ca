"""The account's limit: shared by the calls of a run, by runs, and with other programs."""

from importer.rate_limit.adaptive_share import AdaptiveShare
from importer.rate_limit.margin import Margin, estimated_duration_s
from importer.rate_limit.slots import (
    AHEAD_S,
    MOST_AHEAD_S,
    ON_TIME_S,
    Booking,
    DailyCapReached,
    NotYet,
    SlotPool,
    SlotRequest,
)

__all__ = [
    "AHEAD_S",
    "MOST_AHEAD_S",
    "ON_TIME_S",
    "AdaptiveShare",
    "Booking",
    "DailyCapReached",
    "Margin",
    "NotYet",
    "SlotPool",
    "SlotRequest",
    "estimated_duration_s",
]
