"""A robot hand imitates the hand of a video, by dex-retargeting; without that library its input is written all the same.

    python examples/retarget_dex.py my_video.mp4 hands.npz
    pip install dex-retargeting six      # and it moves a hand, too; six is a dependency that it does not name

Expect hands.npz with ``points`` (frames with a right hand, 21, 3), metres, in MANO's axes from the wrist, whatever the camera's
direction; and, with the library, ``angles`` (frames, 20) of a robot hand with their names, and a line that says how near its fingertips
come. No calibration is needed. The robot is the human hand that ``handmesh urdf`` prints; for another one change URDF, links and scale.
"""

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from handmesh_ros.hand import JOINT_NAMES, Side
from handmesh_ros.hand_urdf import hand_urdf
from handmesh_ros.joint_sets import dex_retargeting
from handmesh_ros.perception import Camera, HandPipeline
from handmesh_ros.sources import open_source

TIP_ROWS = [row for row, name in enumerate(JOINT_NAMES) if name.endswith("tip")]
LINKS = [f"right_model_{JOINT_NAMES[row]}" for row in TIP_ROWS]
# MANO's axes (a right hand's: x out of the palm, y to the thumb, z to the fingers) in those of our URDF's wrist.
MANO_IN_WRIST = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


def hands_of(video: str, side: Side) -> np.ndarray:
    """(N, 21, 3), one entry for each frame that shows a hand of this side."""
    pipeline = HandPipeline.load()
    found = []
    for frame in open_source(video):
        camera = Camera.from_hfov(frame.rgb.shape[1], frame.rgb.shape[0], 60)
        hands = pipeline.process(frame.rgb, camera, frame.stamp_s)
        found += [dex_retargeting(hand.joints, side) for hand in hands if hand.side is side]
    return np.reshape(found, (-1, 21, 3))


def retarget(hands: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The robot's joint names, its angles (N, 20), and how far its fingertips are from the hand's, (N, 5) metres."""
    from dex_retargeting.retargeting_config import RetargetingConfig

    with tempfile.TemporaryDirectory() as folder:
        urdf = Path(folder) / "hand.urdf"
        urdf.write_text(hand_urdf(Side.RIGHT, 0.095))
        config = RetargetingConfig(
            type="vector",
            urdf_path=str(urdf),
            target_origin_link_names=["right_model_wrist"] * len(LINKS),
            target_task_link_names=LINKS,
            target_link_human_indices=np.array([[0] * len(LINKS), TIP_ROWS]),
            low_pass_alpha=1.0,  # our hands are filtered already; its default would add a third of a second
        )
        retargeting = config.build()
    robot, angles, misses = retargeting.optimizer.robot, [], []
    for points in hands @ MANO_IN_WRIST:
        reference = points[TIP_ROWS] - points[0]
        angles.append(retargeting.retarget(reference))
        robot.compute_forward_kinematics(angles[-1])
        reached = np.array([robot.get_link_pose(link)[:3, 3] for link in map(robot.get_link_index, LINKS)])
        misses.append(np.linalg.norm(reached - reference, axis=1))
    return list(retargeting.joint_names), np.array(angles), np.array(misses)


def main(video: str, out: str) -> None:
    hands = hands_of(video, Side.RIGHT)
    np.savez(out, points=hands)
    print(f"{out}: points {hands.shape}")
    if find_spec("dex_retargeting") is None:
        print("pip install dex-retargeting six, and a robot hand imitates them")
    else:
        names, angles, misses = retarget(hands)
        np.savez(out, points=hands, names=names, angles=angles)
        print(f"the robot's fingertips are {1e3 * np.median(misses):.1f} mm from the hand's (median)")


if __name__ == "__main__":
    main(*sys.argv[1:])
