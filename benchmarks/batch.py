"""How long a full batch takes, end to end, and what memory it needs: ``python -m benchmarks.batch``.

Every request goes through the whole app in this process: reading, validation, prediction, and the JSON of the answer.
"""

import json
import random
import resource
import sys
import time
from datetime import datetime, timedelta
from typing import Any

from taxi_api.app import create_app
from taxi_api.settings import Settings

TRIPS = 10_000
REPEATS = 15
BATCH = "/v1/predict/batch"
TRIPS_CSV_HEADER = ("id", "PULocationID", "DOLocationID", "trip_distance", "pickup_datetime")


def main() -> None:
    """Print the median and the slowest time of each way to send the same trips, then the peak memory."""
    client = create_app(Settings(log_level="WARNING", max_batch=TRIPS)).test_client()
    before = _peak_megabytes()
    for name, (body, content_type) in _bodies(_trips()).items():
        times = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            response = client.post(BATCH, data=body, content_type=content_type)
            size = len(response.get_data())
            times.append(time.perf_counter() - started)
            if response.status_code != 200:
                sys.exit(f"{name}: {response.get_data(as_text=True)[:300]}")
        times.sort()
        median, slowest = times[len(times) // 2] * 1000, times[-1] * 1000
        print(
            f"{name:<18} {TRIPS} trips  median {median:4.0f} ms  slowest {slowest:4.0f} ms"
            f"  {len(body) / 1e6:.1f} MB in, {size / 1e6:.1f} MB out"
        )
    print(f"peak memory {_peak_megabytes():.0f} MB, of which {before:.0f} MB before the first batch")


def _trips() -> list[dict[str, Any]]:
    pick = random.Random(1)
    start = datetime(2024, 9, 1)
    return [
        {
            "id": f"trip-{index}",
            "PULocationID": pick.randint(1, 263),
            "DOLocationID": pick.randint(1, 263),
            "trip_distance": round(pick.uniform(0.3, 20), 2),
            # To the second: hardly two alike.
            "pickup_datetime": (start + timedelta(seconds=pick.randrange(30 * 86_400))).isoformat(),
        }
        for index in range(TRIPS)
    ]


def _bodies(trips: list[dict[str, Any]]) -> dict[str, tuple[bytes, str]]:
    bad = [trip | {"DOLocationID": 0, "trip_distance": "far"} for trip in trips]
    columns = {name: [trip[name] for trip in trips] for name in trips[0]}
    lines = [",".join(TRIPS_CSV_HEADER), *(",".join(str(trip[name]) for name in TRIPS_CSV_HEADER) for trip in trips)]
    return {
        "rows": (json.dumps({"trips": trips}).encode(), "application/json"),
        "columns": (json.dumps(columns).encode(), "application/json"),
        "csv": ("\n".join(lines).encode(), "text/csv"),
        "rows, all invalid": (json.dumps({"trips": bad}).encode(), "application/json"),
    }


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
