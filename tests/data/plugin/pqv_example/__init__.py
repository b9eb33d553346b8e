"""What a package can add to PQV-Mobile: an importance criterion and a quantization scheme."""
