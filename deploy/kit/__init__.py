"""What a phone needs to run a file: programs and libraries, and whether they fit."""
