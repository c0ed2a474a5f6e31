"""Switching models and policy while the service runs, and the shadow that scores beside without deciding.

What is chosen and which policy is in force stand in the store. One thread of each worker looks there every
few seconds: it loads what was chosen in the background, checks every hash, warms up, and only then lets it
answer. What cannot be loaded changes nothing. The same thread scores for the shadow, whenever
no request is in hand.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from customs.errors import CustomsError
from fusion import RiskReport
from portcullis.batcher import Batcher
from portcullis.consignment import Consignment
from portcullis.judge import judge
from portcullis.metrics import Metrics
from portcullis.model_sets import DEFAULT, set_folder, verified
from portcullis.models import Models
from portcullis.settings import Settings
from portcullis.store.accounts import Account
from portcullis.store.model_choices import Choice, ModelChoices, Part, Said
from portcullis.store.policies import Policies

log = logging.getLogger("portcullis.switching")
LOOK_SECONDS = 2.0
MAX_WAITING = 1_000  # assessments that the shadow has still to score


@dataclass(frozen=True)
class State:
    """A part as this worker has it: what was chosen last, which set is loaded, and why it is another."""

    choice: Choice | None
    name: str | None
    models: Models | None
    problem: str | None = None


class Switchboard:
    """The live set and the shadow of one worker."""

    def __init__(
        self,
        settings: Settings,
        batcher: Batcher,
        policies: Policies,
        choices: ModelChoices,
        metrics: Metrics,
        *,
        read_again: Callable[[str], tuple[Consignment, RiskReport]],
        warm_up: Callable[[Models], None],
    ) -> None:
        self.settings = settings
        self.batcher = batcher
        self.policies = policies
        self.choices = choices
        self.metrics = metrics
        self.read_again = read_again
        self.warm_up = warm_up
        self.dropped = 0
        self._states = {
            Part.LIVE: State(None, DEFAULT, batcher.models),
            Part.SHADOW: State(None, None, None),
        }
        self._waiting: deque[str] = deque()
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def state(self, part: Part) -> State:
        """What this worker has now."""
        return self._states[part]

    @property
    def waiting(self) -> int:
        """How many assessments the shadow has still to score."""
        return len(self._waiting)

    def begin(self, live: str) -> None:
        """Start to look and to shadow; live: the name of the set that the service was opened with."""
        choice = self.choices.current(Part.LIVE)
        known = choice if choice is not None and choice.name == live else None
        self._states[Part.LIVE] = State(known, live, self.batcher.models)
        self._thread = threading.Thread(target=self._run, name="switching", daemon=True)
        self._thread.start()

    def choose(self, part: Part, name: str | None, account: Account | None, reason: str = "") -> None:
        """Let a set do a part: its files are verified now, and every worker follows within seconds."""
        versions = {} if name is None else verified(self.settings.models, name)
        self.choices.choose(part, name, versions, account, reason)
        self._wake.set()

    def offer(self, assessment_id: str) -> None:
        """Have an assessment scored by the shadow, if there is one; where too many wait it is dropped."""
        if self._states[Part.SHADOW].models is None:
            return
        if len(self._waiting) >= MAX_WAITING:
            self.dropped += 1
            self.metrics.shadow.labels("dropped").inc()
            return
        self._waiting.append(assessment_id)
        self._wake.set()

    def close(self) -> None:
        """End the thread; what the shadow had still to score is dropped."""
        self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(10)

    def look(self) -> None:
        """Follow what the store says."""
        for part in Part:
            choice = self.choices.current(part)
            state = self._states[part]
            if choice is not None and (state.choice is None or state.choice.number != choice.number):
                self._follow(part, choice)
        self.follow_policy()

    def follow_policy(self) -> None:
        """Judge by the newest policy from now on; what is in hand is judged by one policy to its end."""
        policy = self.policies.in_force()
        if policy.version != self.batcher.policy.version:
            self.batcher.policy = policy
            log.info("the policy was changed", extra={"versions": {"policy": policy.version}})

    def _follow(self, part: Part, choice: Choice) -> None:
        state = self._states[part]
        log.info("models are switched", extra={"part": part.value, "versions": dict(choice.versions)})
        try:
            models = None
            if choice.name is not None:
                models = Models.find(set_folder(self.settings.models, choice.name), self.settings.device)
                if models.all_versions != dict(choice.versions):
                    raise CustomsError(
                        f"the files of {choice.name} are not those that were chosen",
                        field="set",
                        remedy="choose it again",
                    )
                self.warm_up(models)
        except CustomsError as error:
            log.error("models could not be switched", extra={"part": part.value}, exc_info=error)
            self._states[part] = replace(state, choice=choice, problem=str(error))
            return
        if part is Part.LIVE:
            assert models is not None
            models = replace(models, took=self.metrics.model)
            self.batcher.switch(models)
        else:
            self._waiting.clear()
        self._states[part] = State(choice, choice.name, models)
        log.info("models were switched", extra={"part": part.value, "versions": dict(choice.versions)})

    def _run(self) -> None:
        looked = 0.0
        while not self._closed:
            if time.monotonic() - looked >= LOOK_SECONDS or self._wake.is_set():
                self._wake.clear()
                try:
                    self.look()
                except Exception as error:  # the store may be away for a while
                    log.error("the chosen models could not be read", exc_info=error)
                looked = time.monotonic()
            if self._waiting and not self._closed:
                self._shadow_one()
            else:
                self._wake.wait(LOOK_SECONDS)

    def _shadow_one(self) -> None:
        """Score the oldest; requests come first, but the shadow is not put off for ever."""
        until = time.monotonic() + LOOK_SECONDS
        while self.batcher.busy and time.monotonic() < until and not self._closed:
            time.sleep(0.02)
        assessment_id = self._waiting.popleft()
        state = self._states[Part.SHADOW]
        if state.models is None or state.name is None:
            return
        try:
            consignment, live = self.read_again(assessment_id)
            report = judge(consignment, state.models, self.batcher.policy).report
            said = Said(assessment_id, live.band, report.band, live.surprise, report.surprise, report.p_value)
            self.choices.note(state.name, state.models.all_versions, said)
        except Exception as error:  # the shadow must not harm what is live
            log.error("the shadow failed", exc_info=error)
            self.metrics.shadow.labels("failed").inc()
        else:
            self.metrics.shadow.labels("scored").inc()
