"""Judgements over an answer that looks healthy: is there anything in it, and is it the right model's?"""

from __future__ import annotations

from ralphbench.endpoints import same_model
from ralphbench.gateway.admission import Held
from ralphbench.gateway.faults import Fault
from ralphbench.gateway.meter import Meter
from ralphbench.gateway.stage import OpenStage

FULL = 0.9
"""Share of the window from which on an empty answer is taken for an overflow."""


class Judge:
    """Raises Fault for an answer that must not be passed on."""

    def __init__(self, stage: OpenStage, meter: Meter, held: Held) -> None:
        self._stage = stage
        self._meter = meter
        self._held = held

    def empty(self) -> None:
        """An answer without content: an overflow where the window must be full, an error where it did not even end.

        What remains is a model that had nothing to say, and says so: that is its answer.
        """
        window, counted = self._stage.window, self._meter.counts.input
        if window is not None and max(self._held.prompt, counted or 0) >= FULL * window:
            text = f"an empty answer to about {self._held.prompt} tokens, which fill the window of {window}"
            raise Fault("overflow", text, mend="empty_answer")
        if not self._meter.complete():
            raise Fault("provider_error", "an empty answer without a finish reason", mend="empty_answer")

    def served_model(self) -> None:
        """A server that does not say which model it serves is not doubted: the record then holds None."""
        if (fault := self.late_model()) is not None:
            raise fault

    def late_model(self) -> Fault | None:
        """The same for a name that came only after the answer had begun to pass."""
        served, wire = self._meter.served, self._stage.grant.model.model.model
        if served is None or same_model(wire, served) or served in self._also(wire):
            return None
        return Fault("wrong_model", f"asked for {wire!r}, served by {served!r}")

    def _also(self, wire: str) -> tuple[str, ...]:
        """Names that the user says the server answers under (`options.served_as`)."""
        named = self._stage.route.spec.options.get("served_as", {}).get(wire, ())
        return (named,) if isinstance(named, str) else tuple(named)
