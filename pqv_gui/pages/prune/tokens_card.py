"""The part of the Prune page that sets up the merging of tokens."""

from __future__ import annotations

from pqv_core.config.tokens import MAX_MERGED
from pqv_core.models import merged_tokens
from pqv_gui.i18n import tr
from pqv_gui.viewmodels.project_session import ProjectSession
from pqv_gui.widgets.basic_inputs import CheckInput, ComboInput
from pqv_gui.widgets.basics import Card, label
from pqv_gui.widgets.form import Form
from pqv_gui.widgets.list_inputs import WordsInput
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
        self.body.addWidget(form.add("tokens.merge", merge, text=tr("To&kens to merge"), hint=hint, beside=True))
        schedule = ComboInput({"constant": tr("As many in every block"), "decreasing": tr("More in the first blocks")})
        self.body.addWidget(form.add("tokens.schedule", schedule, text=tr("Merging schedule"), beside=True))
        self.body.addWidget(
            form.add(
                "tokens.per_block",
                WordsInput(placeholder=tr("None; for example: 16, 16, 8, 8")),
                text=tr("Tokens for each block"),
                hint=tr("In place of the two settings above, from the first block; separated by commas."),
            )
        )
        self.body.addWidget(
            form.add(
                "tokens.by_budget",
                CheckInput(tr("As many as pay")),
                text="",
                hint=tr("With a limit of latency on this computer: several numbers are tried, none among them."),
            )
        )
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
        self.remark.setText(tr(why_not) if why_not else "")
        self.remark.setVisible(bool(why_not))
        possible = not why_not or config.enabled  # what was asked for in vain must be taken back
        by_hand = possible and not config.by_budget
        self._form.allow("tokens.merge", by_hand and not config.per_block)
        self._form.allow("tokens.per_block", by_hand)
        self._form.allow("tokens.by_budget", possible)
        self._form.allow("tokens.schedule", config.enabled and (config.by_budget or not config.per_block))
        self._form.allow("tokens.proportional", config.enabled)
