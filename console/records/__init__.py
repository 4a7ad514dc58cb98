"""What is kept of the calls: the event feed, log files, call records, the never-call list."""
