"""What happens to customers, how it reaches tollgate, and what must be known of them in the end."""
