"""A robot to try teleoperation on: an arm in MuJoCo. Needs ``pip install mujoco mink``."""
