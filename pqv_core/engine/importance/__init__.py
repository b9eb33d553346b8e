"""Importance criteria: one file each, described in ``pqv_core/criteria/``."""
