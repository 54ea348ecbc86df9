# The hand node on ROS 2 Jazzy from apt. In the checkout:
#   docker build -f docker/ros.Dockerfile -t handmesh_ros .
# docs/install.md says how to run it.
FROM ros:jazzy-ros-base

ENV DEBIAN_FRONTEND=noninteractive PIP_BREAK_SYSTEM_PACKAGES=1 PIP_NO_CACHE_DIR=1
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && pip install onnxruntime

WORKDIR /ros_ws
COPY . src/handmesh_ros

# The models, made in an environment that is thrown away.
RUN cd src/handmesh_ros \
    && python3 -m venv /tmp/models && /tmp/models/bin/pip install numpy onnx PyYAML \
    && /tmp/models/bin/python -m handmesh_ros.cli models --provision \
    && rm -rf /tmp/models /root/.cache

# RViz is for the host's screen.
RUN apt-get update && rosdep update --rosdistro jazzy \
    && rosdep install --from-paths src --ignore-src -y --skip-keys rviz2 \
    && rm -rf /var/lib/apt/lists/*
RUN . /opt/ros/jazzy/setup.sh && colcon build --packages-select handmesh_ros

# Any user may run it, also one without a home.
ENV ROS_LOG_DIR=/tmp/ros_log
ENTRYPOINT ["/bin/bash", "-c", "source /ros_ws/install/setup.bash && exec \"$@\"", "handmesh_ros"]
CMD ["ros2", "launch", "handmesh_ros", "hand.launch.py"]
