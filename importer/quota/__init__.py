"""How the limit of an account is shared: among the calls of a run, with other runs, with people. Pure."""

from importer.quota.margin import Margin, usual_s
from importer.quota.pool import AHEAD_S, ON_TIME_S, Asks, Booking, Capped, Later, Pool
from importer.quota.share import Share

__all__ = ["AHEAD_S", "ON_TIME_S", "Asks", "Booking", "Capped", "Later", "Margin", "Pool", "Share", "usual_s"]
