"""What the service is held against: other ways to serve the same answers, and limits that answer a constant."""
