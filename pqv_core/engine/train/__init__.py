"""Fine-tuning and sparse training, by one process or many."""
