"""What Locust runs: users who send full consignments, each answer written down.

Locust patches `ssl` when it is imported, so it is started by its own command and never imported by others.
From the environment: SOAK_BODIES (folder of prepared consignments), SOAK_AUTH (name:password), SOAK_PACE
(seconds between two requests of a user; 0: the next as soon as the one before was answered), SOAK_OUT (file:
a line of JSON for each answer).
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import random
import time
from pathlib import Path
from typing import Any

from locust import FastHttpUser, events, task
from soak.consignments import CONTENT_TYPE, Prepared

_PREPARED = [Prepared.read(folder) for folder in sorted(Path(os.environ["SOAK_BODIES"]).iterdir())]
_NUMBERS = itertools.count(time.time_ns() // 1_000_000 % 100_000_000)
_PACE = float(os.environ["SOAK_PACE"])
_RANDOM = random.Random(1)
_ANSWERS: list[dict[str, Any]] = []
_HEADERS = {
    "Authorization": "Basic " + base64.b64encode(os.environ["SOAK_AUTH"].encode()).decode(),
    "Content-Type": CONTENT_TYPE,
}


class Declarant(FastHttpUser):
    """Somebody who hands in one consignment after another."""

    network_timeout = connection_timeout = 60.0
    took = 0.0  # seconds, the last time
    asked = 0.0  # to wait, by the last answer

    def on_start(self) -> None:
        """Users who keep a pace do not all begin at once."""
        if _PACE:
            time.sleep(_PACE * _RANDOM.random())

    def wait_time(self) -> float:
        """The pace on the mean, but never in step with others; without one, as long as a 429 asked for."""
        return max(_PACE * _RANDOM.uniform(0.5, 1.5) - self.took, 0.0) if _PACE else self.asked

    @task
    def hand_in(self) -> None:
        """Declaration, scan and photo."""
        number = next(_NUMBERS)
        body = _PREPARED[number % len(_PREPARED)].body(number)
        began = time.time()
        clock = time.perf_counter()
        with self.client.post("/v1/assessments", data=body, headers=_HEADERS, catch_response=True) as answer:  # type: ignore[arg-type]
            retry = answer.headers.get("Retry-After") if answer.headers else None
            if answer.status_code in (201, 429):
                answer.success()
            self.asked = float(retry or 0)
            self.took = seconds = time.perf_counter() - clock
        _ANSWERS.append({"at": began, "seconds": seconds, "status": answer.status_code, "retry_after": retry})


@events.quitting.add_listener
def _write(environment: Any, **_: Any) -> None:
    with Path(os.environ["SOAK_OUT"]).open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(answer) + "\n" for answer in _ANSWERS)
    environment.process_exit_code = 0
