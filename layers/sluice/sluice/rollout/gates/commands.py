"""What a person's word makes of a look: it holds or hurries where proof is missing, and never overrules harm."""

from __future__ import annotations

from dataclasses import replace

from sluice.rollout.analysis.decision import Conclusion
from sluice.rollout.model.record import Command


def obey(conclusion: Conclusion, command: Command | None) -> Conclusion:
    """The conclusion as the person wants it: paused, or promoted without further proof."""
    harm = conclusion.action == "roll_back" and not conclusion.is_doubt
    if command is None or command.kind == "resume" or harm:
        return conclusion
    if command.kind == "promote":
        return Conclusion("promote", command.attribution)
    return replace(conclusion, action="pause", reason=f"{command.attribution}; {conclusion.reason}")
