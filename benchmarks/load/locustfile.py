"""Clients as a deployment has them: mostly single trips, some batches, a matrix now and then, a few mistakes."""

import os
import random

from locust import HttpUser, between, events, task

_KEY = os.environ.get("TAXI_API_KEY")
# What a deployment has to hold for the run to pass.
_MOST_FAILURES = 0.001
_SLOWEST_P99_MILLISECONDS = float(os.environ.get("LOAD_TEST_P99_MS", "1500"))


def _trip() -> dict[str, object]:
    trip: dict[str, object] = {"PULocationID": random.randint(1, 263), "DOLocationID": random.randint(1, 263)}
    if random.random() < 0.5:
        trip["trip_distance"] = round(random.uniform(0.5, 18), 2)
    return trip


class Client(HttpUser):
    """One caller."""

    wait_time = between(0.05, 0.3)

    def on_start(self) -> None:
        """Send the key with every request, if there is one."""
        if _KEY:
            self.client.headers["X-API-Key"] = _KEY

    @task(20)
    def predict(self) -> None:
        """Ask for one trip, and look at the answer."""
        with self.client.post("/predict", json=_trip(), catch_response=True) as answer:
            if answer.status_code == 200:
                body = answer.json()
                lower, upper = body["interval"]["lower"], body["interval"]["upper"]
                if not 0 < lower <= body["duration"] <= upper:
                    answer.failure(f"no sensible answer: {body}")

    @task(3)
    def batch(self) -> None:
        """Ask for a hundred trips at once."""
        self.client.post("/v1/predict/batch", json={"trips": [_trip() for _ in range(100)]})

    @task(1)
    def matrix(self) -> None:
        """Ask for a hundred pairs."""
        zones = random.sample(range(1, 264), 10)
        self.client.post("/v1/matrix", json={"sources": zones, "destinations": zones})

    @task(1)
    def mistake(self) -> None:
        """Send what must be refused, politely."""
        with self.client.post(
            "/predict", json={"PULocationID": 0}, name="/predict (invalid)", catch_response=True
        ) as answer:
            if answer.status_code == 422:
                answer.success()
            else:
                answer.failure(f"expected 422, got {answer.status_code}")


@events.quitting.add_listener
def _judge(environment: object, **_: object) -> None:
    total = environment.stats.total  # type: ignore[attr-defined]
    slow = total.get_response_time_percentile(0.99) > _SLOWEST_P99_MILLISECONDS
    if total.num_requests == 0 or total.fail_ratio > _MOST_FAILURES or slow:
        environment.process_exit_code = 1  # type: ignore[attr-defined]
