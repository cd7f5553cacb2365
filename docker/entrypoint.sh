#!/usr/bin/env bash
# Sources ROS, the Python environment and the workspace, then runs the command.
set -e
for setup in "/opt/ros/$ROS_DISTRO/install/setup.bash" "/opt/ros/$ROS_DISTRO/setup.bash" \
  /ws/.venv/bin/activate /ws/install/setup.bash; do
  # shellcheck source=/dev/null
  if [ -f "$setup" ]; then source "$setup"; fi
done
exec "$@"
