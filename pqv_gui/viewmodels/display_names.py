"""Names that a person reads for the keys of the core. They are passed through ``tr`` where they are shown."""

from __future__ import annotations

from pqv_core.labels import stage, target

__all__ = ["METRICS", "MODES", "SETTINGS", "TERMS", "metric", "setting", "stage", "target"]

SETTINGS = {
    "model.source": "Model source",
    "model.name": "Model",
    "model.weights": "Weights",
    "model.path": "Weights file",
    "model.arguments": "Model arguments",
    "data.train": "Training images",
    "data.val": "Validation images",
    "data.class_order": "Class order",
    "data.root": "Data set folder",
    "data.eval_images": "Maximum validation images",
    "data.batch_size": "Evaluation batch",
    "data.readers": "Reading processes",
    "data.white": "White level (deep images)",
    "data.black": "Black level (deep images)",
    "seed": "Random seed",
    "prune.enabled": "Pruning",
    "prune.importance": "Importance",
    "prune.ratio": "Pruning ratio",
    "prune.mlp": "MLP width",
    "prune.attention": "Attention",
    "prune.attention_unit": "Attention cut",
    "prune.embedding": "Embedding",
    "prune.round_to": "Round widths to",
    "prune.steps": "Steps",
    "prune.epochs_between": "Fine-tuning between steps",
    "prune.images": "Calibration images",
    "prune.batch_size": "Calibration batch",
    "prune.sparse_epochs": "Sparse training",
    "prune.sparse_strength": "Sparsity strength",
    "budget.latency_ms": "Latency at most",
    "budget.speedup": "As fast, at least",
    "budget.on": "Latency on",
    "budget.size_mb": "File size at most",
    "budget.blocks": "Leave out blocks",
    "tokens.merge": "Merge tokens",
    "tokens.schedule": "Merging schedule",
    "tokens.per_block": "Merged tokens per block",
    "tokens.by_budget": "Merge as many tokens as pay",
    "tokens.proportional": "Proportional attention",
    "finetune.epochs": "Epochs",
    "finetune.batch_size": "Training batch",
    "finetune.learning_rate": "Learning rate",
    "finetune.weight_decay": "Weight decay",
    "finetune.warmup_epochs": "Warm-up epochs",
    "finetune.label_smoothing": "Label smoothing",
    "finetune.clip_norm": "Gradient clipping",
    "finetune.augment": "Augmentation",
    "finetune.accumulation": "Gradient accumulation",
    "finetune.layer_decay": "Layer decay",
    "finetune.crop_scale": "Smallest crop",
    "finetune.flip": "Mirroring",
    "finetune.color_jitter": "Colour changes",
    "finetune.auto_augment": "Augmentation policy",
    "finetune.random_erasing": "Random erasing",
    "finetune.mixup": "Mixup",
    "finetune.cutmix": "CutMix",
    "finetune.ema_decay": "Weight averaging (EMA)",
    "finetune.distillation": "Distillation",
    "finetune.temperature": "Distillation temperature",
    "finetune.feature_distillation": "Feature distillation",
    "finetune.patience": "Early stop",
    "finetune.device": "Training device",
    "finetune.mixed_precision": "16-bit arithmetic",
    "quantize.precision": "Precision",
    "quantize.engine": "Engine",
    "quantize.images": "Calibration images",
    "quantize.observer": "Ranges",
    "quantize.sensitivity": "Layer sensitivity",
    "quantize.tolerance": "Quantization tolerance",
    "quantize.keep": "Layers in floating point",
    "quantize.keep_int8": "Layers in INT8",
    "quantize.group": "Group size",
    "export.target": "Target",
    "export.formats": "File formats",
    "export.baselines": "Baselines",
    "export.file_name": "File name",
    "export.fp32_tolerance": "Tolerance, FP32",
    "export.fp16_tolerance": "Tolerance, FP16",
    "export.int8_tolerance": "Tolerance, INT8",
    "export.int4_tolerance": "Tolerance, INT4",
    "measure.threads": "Threads",
    "measure.warmup": "Warm-up runs",
    "measure.iterations": "Timed runs",
    "measure.profile": "Profile operators",
    "measure.max_seconds": "Time limit",
    "study.trial": "Trial of a study",
    "run.settings": "Settings of a run",
    "phone.threads": "Phone threads",
    "phone.iterations": "Timed runs",
    "phone.warmup": "Warm-up runs",
    "phone.max_seconds": "Time limit",
    "phone.pin": "Run on the big cores",
    "phone.cool_down": "Cool down first",
    "phone.profile": "Profile operators",
    "phone.fixed_performance": "Request a sustained clock",
    "phone.keep": "Keep files on the phone",
    "phone.cool_limit_s": "Maximum cool-down (s)",
    "phone.watch_s": "Thermal polling interval (s)",
    "phone.input_shape": "Input shape",
    "phone.compare": "Compare outputs",
    "phone.images": "Images to compare",
}

TERMS = {
    "prune.ratio": "Pruning ratio",
    "prune.round_to": "Width",
    "prune.images": "Calibration",
    "prune.sparse_epochs": "Sparse training",
    "budget.latency_ms": "Budget",
    "budget.on": "Latency table",
    "tokens.merge": "Merged tokens",
    "finetune.distillation": "Distillation",
    "quantize.images": "Calibration",
    "quantize.observer": "Observer",
    "quantize.group": "Group",
    "quantize.sensitivity": "Sensitivity",
    "quantize.tolerance": "Tolerance",
    "export.formats": "Format",
    "export.baselines": "Baseline",
    "phone.cool_down": "Throttled",
    "phone.compare": "Parity",
}
"""Settings beside which a term of the glossary is explained."""

MODES = {"system": "As the &system", "light": "&Light", "dark": "&Dark"}
METRICS = {
    "train_loss": "Training loss",
    "sparse_loss": "Sparse training loss",
    "between_loss": "Training loss between steps",
    "group_norm": "Group norm",
    "val_loss": "Validation loss",
    "val_top1": "Validation top-1",
    "val_top5": "Validation top-5",
    "learning_rate": "Learning rate",
}


def setting(name: str) -> str:
    """Name of a setting."""
    return SETTINGS.get(name, _plain(name.rpartition(".")[2]))


def metric(name: str) -> str:
    """Name of a curve."""
    return METRICS.get(name, _plain(name))


def _plain(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
