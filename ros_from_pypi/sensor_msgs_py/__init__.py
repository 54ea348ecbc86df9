"""Stand-in for the part of ROS's sensor_msgs_py that this project calls; used only where no apt ROS is. See ros_from_pypi/README.md."""
