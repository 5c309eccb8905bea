"""Does the time to refuse an API key say anything about the right one? ``python -m benchmarks.key_timing``.

Guesses that share more and more with the right key are checked in turns, 100,000 in all. If the check gave the key
away, more of it would take longer; what is printed is how far the medians of the guesses lie apart, beside how far
those of the same guess do.
"""

import argparse
import statistics
import sys
import time

from taxi_api.api_keys import digest, label_of, new_key
from taxi_api.setting_values import ApiKey


def main() -> int:
    """Measure and print; return 1 if guesses differ by more than twice what chance does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=100_000)
    options = parser.parse_args()
    key = new_key()
    known = (*(ApiKey(f"label-{n}", digest(new_key())) for n in range(4)), ApiKey("right", digest(key)))
    # The same length, so that hashing takes as long; the last two are the same guess, for what chance does.
    guesses = {share: key[: int(len(key) * share)].ljust(len(key), "x") for share in (0.0, 0.5, 0.9)}
    guesses |= {-1.0: guesses[0.0]}
    times: dict[float, list[int]] = {share: [] for share in guesses}
    for _ in range(options.tries // len(guesses)):
        for share, guess in guesses.items():
            environ = {"HTTP_X_API_KEY": guess}
            begin = time.perf_counter_ns()
            label_of(environ, known)
            times[share].append(time.perf_counter_ns() - begin)
    medians = {share: statistics.median(values) for share, values in times.items()}
    quarters = {share: statistics.quantiles(values, n=4)[2] for share, values in times.items()}
    spread = statistics.median(quarters[share] - medians[share] for share in guesses)
    apart = max(abs(medians[share] - medians[0.0]) for share in (0.5, 0.9))
    chance = abs(medians[-1.0] - medians[0.0])
    print(f"{options.tries} tries; median {medians[0.0]:.0f} ns, half of them within {spread:.0f} ns above it")
    print(f"guesses with half or nine tenths of the key: {apart:.0f} ns apart; the same guess twice: {chance:.0f} ns")
    return int(apart > max(2 * chance, spread))


if __name__ == "__main__":
    sys.exit(main())
