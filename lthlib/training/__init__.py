"""Training: one engine for any number of tickets, what it minimises, and what it draws at random."""
