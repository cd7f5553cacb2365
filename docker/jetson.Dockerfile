# The node on a Jetson with JetPack 6 (Ubuntu 22.04, Python 3.10, ROS 2 Humble).
#   docker build -f docker/jetson.Dockerfile -t instructsam_ros .
#   docker run --rm --runtime nvidia --ipc=host --network=host instructsam_ros
ARG BASE=dustynv/ros:humble-pytorch-l4t-r36.4.0
FROM ${BASE}

ENV ROS_DISTRO=humble
WORKDIR /ws
COPY . src/instructsam_ros
# torch comes with the image, built for the Jetson's GPU; what is installed satisfies the requirement or pip
# would bring a build for other machines, so its version is held.
SHELL ["/bin/bash", "-c"]
RUN pip3 freeze | grep -i '^torch==' > /tmp/held.txt \
    && pip3 install --no-cache-dir --constraint /tmp/held.txt -r src/instructsam_ros/requirements.txt
RUN source "$(ls /opt/ros/humble/install/setup.bash /opt/ros/humble/setup.bash 2> /dev/null | head -n 1)" \
    && colcon build --cmake-args -DBUILD_TESTING=OFF

ENV HF_HUB_OFFLINE=1
COPY docker/entrypoint.sh /entrypoint.sh
ENTRYPOINT ["/entrypoint.sh"]
CMD ["ros2", "launch", "instructsam_ros", "segment.launch.py"]
