"""The LeadSquared Service Cloud API: requests, answers, connections."""
