"""The LeadSquared Service Cloud API: the fields of a ticket, requests, answers, connections."""
