"""The demo: three ROS 2 processes, what they said, and what that is worth."""
