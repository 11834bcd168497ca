"""All that knows the LeadSquared Service Cloud API: its bytes, its connections, its limit."""
