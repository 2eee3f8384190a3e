# The lessons in a container: JupyterLab on http://localhost:8888, without a password, for your own machine alone.
#
#     docker build --build-arg PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu -t lottery-tickets .
#     docker run --rm -p 127.0.0.1:8888:8888 -v "$PWD/results:/lessons/results" lottery-tickets
#     docker run --rm -v "$PWD/results:/lessons/results" lottery-tickets make quickstart
#
# With that index pip takes torch's build for CPUs; without it the image has several gigabytes of CUDA.
FROM python:3.12-slim

RUN apt-get update && apt-get install --yes --no-install-recommends git make && rm -rf /var/lib/apt/lists/*

ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 NUMBA_CACHE_DIR=/tmp/numba
WORKDIR /lessons
COPY . .
RUN PIP_EXTRA_INDEX_URL="$PIP_EXTRA_INDEX_URL" make .venv/ready

EXPOSE 8888
CMD [".venv/bin/jupyter", "lab", "--ip=0.0.0.0", "--port=8888", "--allow-root", "--no-browser", "--IdentityProvider.token=", "notebooks"]
