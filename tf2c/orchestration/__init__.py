"""Many cards, many tenants: which request runs where and when, and what runs it."""
