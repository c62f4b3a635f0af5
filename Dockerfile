# The worker as an image: docs/docker.md.
#   docker build -t stream-scorer .
#   docker build -t stream-scorer:gpu --build-arg "ONNXRUNTIME=onnxruntime-gpu[cuda,cudnn]" .

ARG PYTHON=3.13

FROM docker.io/library/python:${PYTHON}-slim AS build
# The build of ONNX Runtime. Another one than the default takes its place: two would overwrite each
# other. A version can stand behind it.
ARG ONNXRUNTIME=onnxruntime
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# pip stays outside: what runs needs none.
RUN python -m venv --without-pip /opt/stream-scorer

# Everything that changes seldom first. Only wheels, so nothing is compiled.
COPY pyproject.toml constraints.txt deploy/image/requirements.py deploy/image/constraints-gpu.txt ./
RUN python requirements.py "${ONNXRUNTIME}" > requirements.txt \
    && pip --python /opt/stream-scorer/bin/python install --only-binary :all: \
        --constraint constraints.txt --constraint constraints-gpu.txt --requirement requirements.txt

# No dependencies from here: the CPU build of ONNX Runtime would come back by them.
COPY README.md LICENSE ./
COPY stream_scorer stream_scorer
RUN pip --python /opt/stream-scorer/bin/python install --no-deps . \
    && /opt/stream-scorer/bin/python -c "from stream_scorer.model.runtime import conflicting_packages, onnxruntime; assert conflicting_packages() is None, conflicting_packages(); print(onnxruntime().get_available_providers())"


FROM docker.io/library/python:${PYTHON}-slim
ARG PYTHON
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="stream-scorer" \
      org.opencontainers.image.description="Scores Avro events from Kafka with ONNX models, in micro-batches, exactly once." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/python:${PYTHON}-slim"
COPY --from=build /opt/stream-scorer /opt/stream-scorer
# The worker writes no file, so the root may be read-only. The folders after `site-packages` are where
# NVIDIA's wheels put CUDA and cuDNN; the CPU image has none of them.
ENV PATH=/opt/stream-scorer/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    LD_LIBRARY_PATH=/opt/stream-scorer/lib/python${PYTHON}/site-packages/nvidia/cu13/lib:/opt/stream-scorer/lib/python${PYTHON}/site-packages/nvidia/cudnn/lib
# Numeric, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /etc/stream-scorer
EXPOSE 9400
STOPSIGNAL SIGTERM
# Not by urllib, which would take the way through a proxy that the environment names.
HEALTHCHECK --interval=15s --timeout=5s --start-period=90s --retries=4 \
    CMD ["python", "-I", "-c", "import http.client, os; worker = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('STREAM_SCORER__SERVER__PORT', 9400)), timeout=4); worker.request('GET', '/healthz'); raise SystemExit(worker.getresponse().status != 200)"]
ENTRYPOINT ["stream-scorer"]
CMD ["run", "-c", "/etc/stream-scorer/scorer.yaml"]
