"""A phone or tablet with Android, reached over ADB."""

from deploy.targets import TargetKind

INFO = TargetKind(
    key="android",
    label="Android",
    sentence="Over USB or Wi-Fi, through a running adb server or without one.",
    implementation="deploy.targets.android.target:AndroidTarget",
    order=1,
)
