"""The page in the browser: the picture, the hands in space, curves, and buttons. Needs viser, of the extra `view`; no ROS."""
