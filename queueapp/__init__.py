"""queueapp: an appointment and walk-in queue manager for clinics."""
