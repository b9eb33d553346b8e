"""Studies: many runs of one project whose settings a sampler chooses, beside the project and on Optuna."""
