"""What a project, a run, an event and an error are; no torch, no Qt."""
