"""timm as a model source: its names, published weights and checkpoint layouts."""
