"""The ROS 2 surface; rclpy is imported only here."""
