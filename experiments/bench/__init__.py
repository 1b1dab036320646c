"""Speed, measured where the reader sits: `make bench`. No test times anything."""
