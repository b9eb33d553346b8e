"""What is known of models without loading them."""
