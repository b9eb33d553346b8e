"""The frame of the window, and what a person can do from anywhere in it."""
