# The classroom's server. Nothing in it is secret; its settings come from the environment when it runs (docs/classroom.md).
#
#   docker build -t kubernetes-course .
#
# The base is the Python that the tests run on. To hold it to the byte, add the digest that your registry shows:
#   docker build --build-arg PYTHON=3.11.14-slim-trixie@sha256:… .
ARG PYTHON=3.11.14-slim-trixie

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# First what changes seldom: every package by version and hash, as built by its makers; nothing is compiled here.
COPY requirements.lock ./
RUN python -m venv --without-pip /opt/course \
    && python -m pip --python /opt/course/bin/python install --require-hashes --no-deps --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md ./
COPY tools/exercises_in_wheel.py tools/
COPY static static
COPY lessons lessons
COPY exercises exercises
COPY graders graders
COPY app app
RUN /opt/course/bin/python -m hatchling build --target wheel --directory /wheels \
    && python -m pip --python /opt/course/bin/python install --no-deps --no-index /wheels/*.whl \
    && python -m pip --python /opt/course/bin/python uninstall --yes hatchling editables

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="kubernetes-course" \
      org.opencontainers.image.description="Kubernetes, from zero to production: the server of a classroom"
RUN python -m pip uninstall --yes pip \
    && groupadd --gid 10001 course \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin course \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data \
    && install --directory --owner=10001 --group=10001 --mode=0750 /secrets /cluster
COPY --from=build /opt/course /opt/course
# Only /data and /tmp are written, so that the rest can be mounted read-only. /metrics has a port of its own, which is not for the world.
ENV PATH=/opt/course/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 COURSE_METRICS_PORT=9100
WORKDIR /data
USER 10001:10001
EXPOSE 8610 9100
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8610/readyz', timeout=4)"]
ENTRYPOINT ["course"]
CMD ["serve", "--classroom", "--host", "0.0.0.0", "--data", "/data"]
