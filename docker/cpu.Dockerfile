# The command handmesh without ROS, on a CPU. In the checkout:
#   docker build -f docker/cpu.Dockerfile -t handmesh .
#   docker run --rm --init -v "$PWD:/data" --user "$(id -u):$(id -g)" handmesh run my_video.mp4 --overlay out.mp4
FROM python:3.12-slim

COPY . /src
RUN pip install --no-cache-dir '/src[media,bags]' \
    && handmesh models --provision \
    && rm -rf /src /root/.cache

WORKDIR /data
ENTRYPOINT ["handmesh"]
CMD ["--help"]
