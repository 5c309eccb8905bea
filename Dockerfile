# The API for a server of your own: gunicorn on port 8000, as a user without rights, on a read-only root file system.

FROM docker.io/library/python:3.13-slim AS build
# Nothing to run is left behind by pip in the image that serves; flasgger comes as source and is built here.
RUN python -m venv --without-pip /opt/venv
COPY deploy/requirements.lock deploy/prune-packages.sh /tmp/
# hadolint ignore=DL3042
RUN pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        --only-binary :all: --no-binary flasgger --require-hashes -r /tmp/requirements.lock \
    && sh /tmp/prune-packages.sh /opt/venv/lib/python3.13/site-packages \
    && python -m compileall -q -j 0 /opt/venv/lib
COPY taxi_api /srv/taxi_api
RUN python -m compileall -q /srv/taxi_api

FROM docker.io/library/python:3.13-slim
# TAXI_MODEL_CACHE is a folder of the user, so that a volume mounted there belongs to the user, too.
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin taxi \
    && install -d -o taxi -g taxi /var/cache/taxi
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv
COPY --from=build /srv/taxi_api taxi_api
COPY gunicorn.conf.py .
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    APP_ENV=production \
    TAXI_MODEL_CACHE=/var/cache/taxi
USER 10001:10001
# The image proves itself: a broken one is never tagged.
RUN ["python", "-W", "error", "-c", "from taxi_api.app import create_app; answer = create_app().test_client().post('/predict', json={'PULocationID': 1, 'DOLocationID': 2, 'trip_distance': 5.0}); assert answer.status_code == 200, answer.text; print(answer.text)"]
EXPOSE 8000
# The start takes a few seconds; one later failure is a busy moment, three are not.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "taxi_api.probe"]
CMD ["gunicorn", "taxi_api.wsgi:app"]
