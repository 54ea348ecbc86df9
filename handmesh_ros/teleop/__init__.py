"""A hand's motion to a tool's, for robots, in plain numpy: ``follower.Follower`` is all of it, ``node/teleop_node.py`` its ROS side."""
