"""What a package can add to PQV-Mobile: an importance criterion, a quantization scheme and a file format."""
