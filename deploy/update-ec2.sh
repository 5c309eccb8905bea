#!/usr/bin/env bash
# update-ec2.sh [--dry-run] IMAGE | --back
# On the machine that serves: starts the API from IMAGE (a tag or a digest), waits until it is ready, and returns to the
# image before by itself if it does not become so. --back returns to the image before the last update.
set -euo pipefail
cd "$(dirname "$0")/.."

SECONDS_TO_BE_READY=${SECONDS_TO_BE_READY:-90}
PREVIOUS=.previous-image
dry=
[ "${1:-}" = --dry-run ] && { dry=1; shift; }
[ $# -eq 1 ] || { sed -n 2,4p "$0" >&2; exit 2; }

say() { printf '%s\n' "$*" >&2; }

current() { sed -n 's/^API_IMAGE=//p' .env 2>/dev/null | tail -1; }

choose() { # the image that compose takes from now on; the file changes whole or not at all
    touch .env
    { grep -v '^API_IMAGE=' .env || true; [ -z "$1" ] || printf 'API_IMAGE=%s\n' "$1"; } > .env.new
    chmod --reference=.env .env.new
    mv .env.new .env
}

start() {
    if [ -z "$1" ]; then docker compose up -d --build --no-deps api; else docker compose up -d --no-build --no-deps api; fi
}

ready() {
    local until=$((SECONDS + SECONDS_TO_BE_READY)) id state
    while [ "$SECONDS" -lt "$until" ]; do
        id=$(docker compose ps -q api)
        state=$([ -z "$id" ] || docker inspect --format '{{.State.Health.Status}}' "$id" || true)
        [ "$state" = healthy ] && return 0
        sleep 2
    done
    say "not ready after $SECONDS_TO_BE_READY s:"
    docker compose logs --tail 20 api >&2 || true
    return 1
}

before=$(current)
image=$1
if [ "$image" = --back ]; then
    [ -f "$PREVIOUS" ] || { say "there has been no update to go back from"; exit 1; }
    image=$(cat "$PREVIOUS")
fi
say "from ${before:-the image built here} to ${image:-the image built here}"
if [ -n "$dry" ]; then exit 0; fi
if [ "$image" = "$before" ] && [ -n "$image" ] && [ -n "$(docker compose ps -q api)" ]; then
    ready && { say "it serves already"; exit 0; }
fi

case $image in
*.dkr.ecr.*.amazonaws.com/*)
    region=${image#*.dkr.ecr.} region=${region%%.*}
    aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "${image%%/*}"
    docker pull "$image"
    ;;
*/*) docker pull "$image" ;;
esac

choose "$image"
if start "$image" && ready; then
    printf '%s' "$before" > "$PREVIOUS"
    say "serving ${image:-the image built here}"
    exit 0
fi
say "returning to ${before:-the image built here}"
choose "$before"
start "$before"
ready || { say "the image before is not ready either; see: docker compose logs api"; exit 3; }
exit 1
