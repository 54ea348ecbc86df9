"""Hands as ROS messages, with ROS or without: one description for the node and for recordings."""
