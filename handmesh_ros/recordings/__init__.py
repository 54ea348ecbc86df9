"""ROS recordings read without ROS, and what was seen recorded: MCAP, Rerun, tables."""
