# syntax=docker/dockerfile:1
# The images, with the versions that the tests ran with. Each runs as any user, on a root file system
# that cannot be written to, with a temporary folder at /tmp; nothing in one calls outside.
#
#   docker build --target pipeline --tag circlet .        every step and Snakemake itself
#   docker run --rm --volume "$PWD:/work" circlet         the demo, whose results go to ./results/demo
#
#   docker build --target api --tag circlet-api .         the HTTP API, as SageMaker starts it too
#   docker run --rm --read-only --tmpfs /tmp --publish 8080:8080 circlet-api serve
#
#   docker build --target app --tag circlet-app .         the web page
#   docker run --rm --read-only --tmpfs /tmp --publish 8501:8501 circlet-app
#
# The latter two serve the checkpoint folder that is mounted at /opt/ml/model, if one is, and else
# the model that ships with circlet; compose.yaml starts both.
# With a GPU:  --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126
# As an image for the rules: see 'container' in config.yaml.

# Python as in the conda files.
ARG PYTHON=3.11.14-slim-bookworm
# As in the Makefile.
ARG TORCH_VERSION=2.13.0
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

FROM python:${PYTHON} AS base
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
LABEL org.opencontainers.image.title="circlet" \
    org.opencontainers.image.description="Tells circular RNAs from other long non-coding RNAs by sequence" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.licenses="MIT"


FROM base AS pipeline
ARG TORCH_VERSION
ARG TORCH_INDEX

# What the package needs comes before its code, so that an edit does not install it all again.
WORKDIR /opt/circlet
COPY pyproject.toml README.md LICENSE ./
COPY envs/constraints.txt envs/
COPY workflow/circlet/__init__.py workflow/circlet/
RUN pip install --no-deps "torch==${TORCH_VERSION}" --extra-index-url "${TORCH_INDEX}" \
    && pip install --constraint envs/constraints.txt --editable '.[torch,workflow,hpc,serve]'
COPY Snakefile config.yaml ./
COPY envs envs
COPY profiles profiles
COPY workflow workflow
RUN python -m compileall -q workflow/circlet

# Any user id may run it, and apptainer mounts the image read-only: what is kept between steps goes
# to HOME, or to the temporary folder where HOME is the working folder, as under Snakemake.
RUN useradd --uid 10001 --no-create-home --home-dir /home/circlet circlet \
    && install --directory --mode 1777 /home/circlet /work
ENV HOME=/home/circlet USER=circlet MPLCONFIGDIR=/tmp/matplotlib
USER 10001
WORKDIR /work
CMD ["snakemake", "--snakefile", "/opt/circlet/Snakefile", \
    "--configfile", "/opt/circlet/workflow/demo/config.yaml", "--cores", "all"]


# What 'circlet predict' imports, without what only compilers and tests read of it.
FROM base AS predicting
ARG TORCH_VERSION
ARG TORCH_INDEX
RUN python -m venv --without-pip /opt/venv
ENV PATH=/opt/venv/bin:${PATH} PIP_PYTHON=/opt/venv/bin/python
WORKDIR /opt/circlet
COPY envs/constraints.txt envs/predict.txt envs/
RUN pip install --no-deps "torch==${TORCH_VERSION}" --extra-index-url "${TORCH_INDEX}" \
    && pip install --constraint envs/constraints.txt --requirement envs/predict.txt \
        "torch==${TORCH_VERSION}" \
    && rm -r /opt/venv/lib/python3.11/site-packages/torch/include \
        /opt/venv/lib/python3.11/site-packages/pyarrow/include \
    && find /opt/venv/lib/python3.11/site-packages -type d -name tests -prune -exec rm -r '{}' +

# What is made here is laid over it, so that the images share the large layer and an edit of the
# code makes a small one anew.
FROM predicting AS package
COPY pyproject.toml README.md LICENSE ./
COPY workflow/circlet workflow/circlet
RUN pip install --no-deps --prefix /opt/layer .

FROM predicting AS serving
COPY envs/serve.txt envs/
RUN pip install --constraint envs/constraints.txt --requirement envs/serve.txt --prefix /opt/layer

FROM predicting AS paging
COPY envs/page.txt envs/
RUN pip install --constraint envs/constraints.txt --requirement envs/page.txt --prefix /opt/layer


FROM predicting AS served
COPY workflow/container/healthy.py /usr/local/bin/healthy
ENV HOME=/tmp USER=circlet
USER 10001:10001
WORKDIR /tmp


FROM served AS api
COPY --from=serving /opt/layer /opt/venv
COPY --from=package /opt/layer /opt/venv
COPY workflow/container/door /usr/local/bin/serve
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["healthy", "8080", "/healthz"]
CMD ["serve"]


FROM served AS app
COPY --from=paging /opt/layer /opt/venv
COPY --from=package /opt/layer /opt/venv
COPY workflow/container/door /usr/local/bin/page
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["healthy", "8501", "/_stcore/health"]
CMD ["page"]
