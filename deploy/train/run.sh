#!/bin/sh
# MONTHS of green taxis into /data (0: only what is there already), a model, and its way to champion.
set -eu
if [ "${MONTHS:-26}" -gt 0 ]; then
    python -m training download --last "${MONTHS:-26}" --colour green --out /data
fi
python -m training train --data /data --out /tmp/bundle
python -m training register --bundle /tmp/bundle --data /data
python -m training promote --data /data
