"""Caps: what an attempt may still use, so that two calls that start at once do not both spend the last of it.

Counted is what servers said; where a server did not say, our own estimate stands in, for the caps alone. A call that runs
is held as its prompt's estimate and what it has put out so far: reserving all that it might put out would stop an
attempt for tokens that nobody uses, so two calls at once may both be allowed what is left, and the one that passes the
cap while it streams is cut there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ralphbench.gateway.prices import Price
from ralphbench.model import Limits, StageEnding, Usage

TOLERANCE = 1.25
"""A stream is cut only when our estimate of it passes what is left by a quarter: the server itself was told to stop at
what is left (`max_tokens`), and an estimate of characters by four must not end an attempt that is within its cap."""
SLACK = 64


@dataclass(frozen=True, slots=True)
class Stop:
    """Why nothing more is answered."""

    ending: StageEnding
    detail: str
    cap: bool = True


@dataclass(slots=True, eq=False)
class Held:
    """A running call's part in the budget, one object a call. Tokens."""

    prompt: int
    output: int = 0
    cached: int = 0
    """Of the prompt."""

    def filled(self, usage: Usage) -> Usage:
        """What was counted, and what is held where nobody did."""
        return replace(
            usage,
            input=self.prompt if usage.input is None else usage.input,
            output=self.output if usage.output is None else usage.output,
            cache_read=self.cached if usage.input is None else usage.cache_read,
        )


@dataclass(slots=True)
class Budget:
    """The caps of one attempt, seen from one stage."""

    limits: Limits
    price: Price | None
    window: int | None
    """Tokens: what `limits.context` is a share of."""
    calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    running: list[Held] = field(default_factory=list)

    def admit(self, prompt: int, output: int = 1, cached: int = 0) -> Stop | None:
        """Whether a call may start with so long a prompt, and an answer that may not be told to be shorter. `cached`: how
        much of the prompt the server is known to have. Tokens.
        """
        limits = self.limits
        if limits.calls is not None and self.calls >= limits.calls:
            return Stop(StageEnding.CALLS, f"{self.calls} calls of {limits.calls} are made")
        if limits.context is not None and self.window is not None and prompt > limits.context * self.window:
            return Stop(
                StageEnding.CONTEXT,
                f"a prompt of about {prompt:,} tokens exceeds {limits.context:g} of the window of {self.window:,}",
            )
        return self._beyond(prompt, output, cached)

    def start(self, prompt: int, cached: int = 0) -> Held:
        self.calls += 1
        held = Held(prompt, cached=cached)
        self.running.append(held)
        return held

    def drop(self, held: Held) -> None:
        """The call used nothing, or nobody knows what."""
        self.running.remove(held)

    def end(self, held: Held, usage: Usage, cost: float | None, counted: int | None = None) -> Stop | None:
        """Put what was used in the place of what was held. `counted`: the prompt of the answer, as the server says."""
        self.running.remove(held)
        spent = held.filled(usage)
        self.tokens += (spent.input or 0) + (spent.output or 0)
        if cost is None:
            cost = self._cost(spent.input or 0, spent.output or 0, spent.cache_read or 0)
        self.cost += cost or 0.0
        limits = self.limits
        if (
            limits.context is not None
            and self.window
            and counted is not None
            and counted > limits.context * self.window
        ):
            return Stop(
                StageEnding.CONTEXT,
                f"the server counted {counted:,} prompt tokens: more than {limits.context:g} of the window of {self.window:,}",
            )
        return self._beyond(0, 0)

    def running_over(self, held: Held) -> Stop | None:
        """Whether a stream has put out so much that a cap is passed. Asked with every chunk."""
        limits = self.limits
        if limits.tokens is None and limits.cost is None:
            return None
        prompts = sum(h.prompt for h in self.running)
        outputs = sum(h.output for h in self.running)
        if limits.tokens is not None:
            left = limits.tokens - self.tokens - prompts
            if outputs > left * TOLERANCE + SLACK:
                return Stop(StageEnding.TOKENS, f"an answer that runs has passed the cap of {limits.tokens:,} tokens")
        if limits.cost is not None and self.cost + self._held_cost() > limits.cost * TOLERANCE:
            return Stop(StageEnding.COST, f"an answer that runs has passed the cap of {limits.cost:g} USD")
        return None

    def output_left(self, prompt: int, cached: int = 0) -> int | None:
        """Tokens that an answer to such a prompt may have; None: no cap limits it."""
        limits, left = self.limits, []
        if limits.tokens is not None:
            left.append(limits.tokens - self.tokens - prompt - self._held_tokens())
        if limits.cost is not None and self.price is not None:
            spent = self.cost + (self._cost(prompt, 0, cached) or 0.0) + self._held_cost()
            each = self._cost(0, 1000)
            if each:
                left.append(int((limits.cost - spent) / each * 1000))
        return min(left) if left else None

    def _beyond(self, prompt: int, output: int, cached: int = 0) -> Stop | None:
        limits = self.limits
        if limits.tokens is not None and self.tokens + self._held_tokens() + prompt + max(output, 1) > limits.tokens:
            asked = f", and {prompt:,} with an answer of at least {output:,} are asked for" if prompt else ""
            return Stop(StageEnding.TOKENS, f"{self.tokens:,} tokens of {limits.tokens:,} are used{asked}")
        if limits.cost is not None:
            price = self._cost(prompt, output, cached) or 0.0
            spent = self.cost + self._held_cost() + price
            if spent >= limits.cost > 0 or (limits.cost == 0 and spent > 0):
                asked = f", and about {price:.4f} are asked for: a prompt of {prompt:,} tokens" if prompt else ""
                known = f", {cached:,} of them cached" if prompt and cached else ""
                return Stop(StageEnding.COST, f"{self.cost:.4f} USD of {limits.cost:g} are spent{asked}{known}")
        return None

    def _held_tokens(self) -> int:
        return sum(held.prompt + held.output for held in self.running)

    def _held_cost(self) -> float:
        running = self.running
        prompt, output = sum(held.prompt for held in running), sum(held.output for held in running)
        return self._cost(prompt, output, sum(held.cached for held in running)) or 0.0

    def _cost(self, prompt: int, output: int, cached: int = 0) -> float | None:
        if self.price is None:
            return None
        return self.price.cost(Usage(prompt, output, cached if 0 < cached <= prompt else None))
