"""The part of the Prune page that sets up the merging of tokens."""

from __future__ import annotations

from pqv_core.config.tokens import MAX_MERGED
from pqv_core.models import merged_tokens
from pqv_gui.i18n import tr
from pqv_gui.viewmodels.project_session import ProjectSession
from pqv_gui.widgets.basic_inputs import CheckInput, ComboInput
from pqv_gui.widgets.basics import Card, label
from pqv_gui.widgets.form import Form
from pqv_gui.widgets.number_inputs import IntInput


class TokensCard(Card):
    """How many tokens each block merges away."""

    def __init__(self, form: Form) -> None:
        super().__init__(
            tr("Merge tokens"), tr("Each block merges the tokens most alike, so that later blocks have less to do.")
        )
        self._form = form
        merge = IntInput(0, MAX_MERGED, suffix=tr(" a block"))
        hint = tr("0 keeps all tokens. Merging costs some accuracy; fine-tuning recovers part of it.")
        self.body.addWidget(form.add("tokens.merge", merge, text=tr("Tokens to mer&ge"), hint=hint, beside=True))
        schedule = ComboInput(
            {"constant": tr("As many in every block"), "decreasing": tr("More in the first blocks, fewer in the last")}
        )
        self.body.addWidget(form.add("tokens.schedule", schedule, text=tr("Merging schedule"), beside=True))
        self.body.addWidget(
            form.add(
                "tokens.proportional",
                CheckInput(tr("Proportional attention")),
                text="",
                hint=tr("Attention counts a merged token as often as tokens are in it."),
            )
        )
        self.remark = label("", "caption", wrap=True)
        self.body.addWidget(self.remark)

    def refresh(self, session: ProjectSession, architecture: str) -> None:
        """Enable what has an effect, and say why something has none.

        Args:
            architecture: Class of the chosen model; empty where it is not known.
        """
        config = session.config.tokens
        why_not = merged_tokens.obstacle(architecture) if architecture else ""
        if config.per_block:
            why_not = tr("Set block by block: {words}.").format(words=config.words)
        self.remark.setText(why_not)
        self.remark.setVisible(bool(why_not))
        asked_in_vain = session.get("tokens.merge") > 0 and not config.per_block  # must be taken back
        self._form.allow("tokens.merge", not why_not or asked_in_vain)
        self._form.allow("tokens.schedule", config.enabled and not config.per_block)
        self._form.allow("tokens.proportional", config.enabled)
