#!/usr/bin/env bash
# switch.sh blue|green [IMAGE]
# Moves nginx's traffic to the blue (api) or the green (api-green) service, which is started from IMAGE first if one is
# given, once that service is ready. The other one stays up: the same command with its colour moves the traffic back.
set -euo pipefail
cd "$(dirname "$0")/.."

NGINX=${NGINX_FOLDER:-deploy/nginx}
SECONDS_TO_BE_READY=${SECONDS_TO_BE_READY:-90}
case ${1:-} in
blue) service=api address=${BLUE:-api:8000} variable=API_IMAGE ;;
green) service=api-green address=${GREEN:-api-green:8000} variable=API_GREEN_IMAGE ;;
*) sed -n 2,4p "$0" >&2; exit 2 ;;
esac
compose=(docker compose --profile blue-green --profile proxy)

say() { printf '%s\n' "$*" >&2; }

if [ -n "${2:-}" ]; then
    export "$variable=$2"
    "${compose[@]}" up -d --no-build --no-deps "$service"
fi

until=$((SECONDS + SECONDS_TO_BE_READY))
until "${compose[@]}" exec -T "$service" python -m taxi_api.probe; do
    [ "$SECONDS" -lt "$until" ] || { say "$service is not ready after $SECONDS_TO_BE_READY s; the traffic stays"; exit 1; }
    sleep 1
done

cp "$NGINX/upstream.conf" "$NGINX/upstream.conf.before"
printf 'upstream api { server %s; keepalive 16; }\n' "$address" > "$NGINX/upstream.conf.new"
mv "$NGINX/upstream.conf.new" "$NGINX/upstream.conf"
# Workers with the old address answer what they have begun, then end.
if "${compose[@]}" exec -T proxy nginx -c /etc/nginx/taxi/nginx.conf -t &&
    "${compose[@]}" exec -T proxy nginx -c /etc/nginx/taxi/nginx.conf -s reload; then
    rm "$NGINX/upstream.conf.before"
    say "traffic goes to $service"
else
    mv "$NGINX/upstream.conf.before" "$NGINX/upstream.conf"
    say "nginx refuses the change; the traffic stays"
    exit 1
fi
