"""The part of the Prune page that sets up fine-tuning."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from pqv_gui.i18n import tr
from pqv_gui.viewmodels.project_session import ProjectSession
from pqv_gui.widgets.basic_inputs import CheckInput, ComboInput, TextInput
from pqv_gui.widgets.basics import Card, Disclosure, column
from pqv_gui.widgets.form import Form
from pqv_gui.widgets.number_inputs import IntInput, RealInput


@dataclass(frozen=True)
class TrainingField:
    """One field: setting, text with its mnemonic, editor, hint."""

    name: str
    text: str
    make: Callable[[], QWidget]
    hint: str = ""


_MAIN = (
    TrainingField("epochs", "Epo&chs", lambda: IntInput(0, 10_000), "0 to skip fine-tuning."),
    TrainingField("batch_size", "Training batch si&ze", lambda: IntInput(1, 65_536)),
    TrainingField("learning_rate", "&Learning rate", lambda: RealInput(1e-9, 10)),
    TrainingField(
        "distillation",
        "Distillation",
        lambda: RealInput(0, 1, step=0.1),
        "Weight of the unpruned model’s outputs in the loss, from 0 to 1.",
    ),
    TrainingField(
        "device",
        "Train on",
        lambda: ComboInput(
            {"auto": tr("Fastest available"), "cpu": tr("Processor"), "cuda": tr("NVIDIA GPU"), "mps": tr("Apple GPU")}
        ),
    ),
)
_SCHEDULE = (
    TrainingField("warmup_epochs", "Warm-up epochs", lambda: RealInput(0, 10_000, step=0.5)),
    TrainingField("weight_decay", "Weight decay", lambda: RealInput(0, 1, step=0.01)),
    TrainingField(
        "layer_decay",
        "Layer decay",
        lambda: RealInput(0.01, 1, step=0.05),
        "Learning rate factor per layer, from top to bottom; 1 for no decay.",
    ),
    TrainingField("label_smoothing", "Label smoothing", lambda: RealInput(0, 0.99, step=0.05)),
    TrainingField("clip_norm", "Gradient clipping", lambda: RealInput(1e-6, 1e6, none=tr("Off"))),
    TrainingField(
        "ema_decay",
        "Weight averaging (EMA)",
        lambda: RealInput(1e-6, 1 - 1e-9, none=tr("Off")),
        "Decay of the moving average, for example 0.999.",
    ),
    TrainingField(
        "patience",
        "Stop early after",
        lambda: IntInput(1, 10_000, none=tr("Never"), suffix=tr(" epochs")),
        "Epochs without validation improvement.",
    ),
    TrainingField(
        "accumulation", "Gradient accumulation", lambda: IntInput(1, 1024), "Splits each batch to save memory."
    ),
    TrainingField(
        "mixed_precision",
        "16-bit arithmetic",
        lambda: ComboInput({"auto": tr("On CUDA"), "no": tr("Off"), "bf16": "bfloat16", "fp16": "float16"}),
    ),
    TrainingField(
        "temperature",
        "Distillation temperature",
        lambda: RealInput(0.01, 100, step=0.5),
        "Softens the outputs of both models.",
    ),
    TrainingField(
        "feature_distillation",
        "Feature distillation",
        lambda: RealInput(0, 100, step=0.1),
        "Loss weight of matching the unpruned model’s last features; needs an uncut embedding.",
    ),
)
_IMAGES = (
    TrainingField("crop_scale", "Smallest crop", lambda: RealInput(0.01, 1, step=0.05), "Share of an image’s area."),
    TrainingField("flip", "Mirroring", lambda: RealInput(0, 1, step=0.1), "Use 0 if mirroring changes the class."),
    TrainingField("color_jitter", "Colour changes", lambda: RealInput(0, 1, step=0.1)),
    TrainingField("random_erasing", "Random erasing", lambda: RealInput(0, 1, step=0.05)),
    TrainingField("mixup", "Mixup", lambda: RealInput(0, 10, step=0.1), "Blends pairs of images; 0 for none."),
    TrainingField("cutmix", "CutMix", lambda: RealInput(0, 10, step=0.1), "Pastes one image into another; 0 for none."),
    TrainingField(
        "auto_augment", "Policy", lambda: TextInput(placeholder=tr("None")), "timm policy: rand-m9-mstd0.5-inc1."
    ),
)


class TrainingCard(Card):
    """What most people set at the top, the rest in two parts that open."""

    def __init__(self, form: Form) -> None:
        super().__init__(tr("Fine-tuning"), tr("Recovers accuracy lost to pruning."))
        self._form = form
        for setting in _MAIN:
            self.body.addWidget(self._field(setting))
        self.schedule = self._part(tr("More training settings"), _SCHEDULE)
        self.body.addWidget(self.schedule)
        augment = CheckInput(tr("Random augmentation"))
        self.body.addWidget(form.add("finetune.augment", augment, text=""))
        self.images = self._part(tr("More augmentation settings"), _IMAGES)
        self.body.addWidget(self.images)

    def _field(self, setting: TrainingField) -> QWidget:
        return self._form.add(
            f"finetune.{setting.name}", setting.make(), text=tr(setting.text), hint=tr(setting.hint), beside=True
        )

    def _part(self, heading: str, settings: Iterable[TrainingField]) -> Disclosure:
        content = QWidget()
        layout = column(content, gap=0.6)
        for setting in settings:
            layout.addWidget(self._field(setting))
        return Disclosure(heading, content)

    def refresh(self, session: ProjectSession) -> None:
        """Enable what has an effect."""
        self.images.setEnabled(bool(session.get("finetune.augment")))
        teaches = session.get("finetune.distillation") > 0
        self._form.allow("finetune.temperature", teaches)
