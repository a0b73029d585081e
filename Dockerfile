# syntax=docker/dockerfile:1
# The image of the pipeline: every step and Snakemake itself, with the versions that the tests ran
# with.
#
#   docker build --target pipeline --tag circlet .
#   docker run --rm --volume "$PWD:/work" circlet      the demo, whose results go to ./results/demo
#
# With a GPU:  --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126
# As an image for the rules: see 'container' in config.yaml.

# Python as in the conda files.
ARG PYTHON=3.11.14-slim-bookworm
FROM python:${PYTHON} AS pipeline

# As in the Makefile.
ARG TORCH_VERSION=2.13.0
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

# What the package needs comes before its code, so that an edit does not install it all again.
WORKDIR /opt/circlet
COPY pyproject.toml README.md LICENSE ./
COPY envs/constraints.txt envs/
COPY workflow/circlet/__init__.py workflow/circlet/
RUN pip install --no-deps "torch==${TORCH_VERSION}" --extra-index-url "${TORCH_INDEX}" \
    && pip install --constraint envs/constraints.txt --editable '.[torch,workflow,hpc]'
COPY Snakefile config.yaml ./
COPY envs envs
COPY profiles profiles
COPY workflow workflow
RUN python -m compileall -q workflow/circlet

# Any user id may run it, and apptainer mounts the image read-only: what is kept between steps goes
# to HOME, or to the temporary folder where HOME is the working folder, as under Snakemake.
RUN useradd --no-create-home --home-dir /home/circlet circlet \
    && install --directory --mode 1777 /home/circlet /work
ENV HOME=/home/circlet USER=circlet MPLCONFIGDIR=/tmp/matplotlib
USER circlet
WORKDIR /work
CMD ["snakemake", "--snakefile", "/opt/circlet/Snakefile", \
    "--configfile", "/opt/circlet/workflow/demo/config.yaml", "--cores", "all"]
