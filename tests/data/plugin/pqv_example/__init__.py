"""What a package can add to PQV-Mobile: one of each kind that has a registry and needs no phone."""
