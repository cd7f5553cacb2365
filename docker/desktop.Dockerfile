# The node on a desktop or a robot's computer, with CUDA where the host has a GPU.
#   docker build -f docker/desktop.Dockerfile -t instructsam_ros .
#   docker run --rm --gpus all --ipc=host --network=host instructsam_ros
ARG ROS_DISTRO=kilted
FROM ros:${ROS_DISTRO}-ros-base

RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        g++ \
        python3-dev \
        python3-venv \
        "ros-${ROS_DISTRO}-cv-bridge" \
        "ros-${ROS_DISTRO}-message-filters" \
        "ros-${ROS_DISTRO}-rmw-cyclonedds-cpp" \
        "ros-${ROS_DISTRO}-rmw-zenoh-cpp" \
        "ros-${ROS_DISTRO}-tf2-ros-py" \
        "ros-${ROS_DISTRO}-vision-msgs" \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /ws
COPY . src/instructsam_ros
# The CUDA build of torch; for a machine without a GPU: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/cu130
RUN python3 -m venv --system-site-packages .venv \
    && touch .venv/COLCON_IGNORE \
    && .venv/bin/pip install --no-cache-dir torch==2.13.0 --index-url "${TORCH_INDEX}" \
    && .venv/bin/pip install --no-cache-dir -r src/instructsam_ros/requirements.txt
SHELL ["/bin/bash", "-c"]
RUN source "/opt/ros/${ROS_DISTRO}/setup.bash" \
    && source .venv/bin/activate \
    && colcon build --cmake-args -DBUILD_TESTING=OFF

# Without the network at run time; unset it in the run that is to download weights.
ENV HF_HUB_OFFLINE=1
COPY docker/entrypoint.sh /entrypoint.sh
ENTRYPOINT ["/entrypoint.sh"]
CMD ["ros2", "launch", "instructsam_ros", "segment.launch.py"]
