"""Track hands in a webcam, a video or a folder of pictures, and print where they are.

    python examples/track_video.py 0                 # the first webcam
    python examples/track_video.py my_video.mp4
    python examples/track_video.py my_pictures/      # in natural order: 2.png before 10.png
    python examples/track_video.py rtsp://camera/1   # a stream

Expect a line for each hand in each frame, such as ``right 1 [ 0.052 -0.013  0.481] m``: its side, its number (constant while it is
followed) and where its wrist is, in metres from the camera: x right, y down, z forward. Without a calibration the distances assume a
horizontal field of view of 60 degrees; with one, ``Camera.from_yaml("camera.yaml")``, they are as right as the hand's assumed size.

A ``Hand`` holds more: the 21 joints with their axes, the mesh, the pixels, the wrist's covariance, and whether it was measured in this
frame or carried over a short gap (``handmesh_ros/hand.py``). A hand that is lost is absent from the list, never a zero.
`handmesh run` does the same and draws it: ``handmesh run my_video.mp4 --overlay out.mp4``.
"""

# What follows is the snippet of README.md.
# [begin]
import sys

from handmesh_ros.perception import Camera, HandPipeline
from handmesh_ros.sources import open_source

pipeline = HandPipeline.load()  # or model="lifted", model="path.onnx"
for frame in open_source(sys.argv[1]):
    height, width = frame.rgb.shape[:2]
    camera = Camera.from_hfov(width, height, 60)  # or Camera.from_yaml("camera.yaml"), once
    for hand in pipeline.process(frame.rgb, camera, frame.stamp_s):
        print(hand.side.value, hand.track_id, hand.joints[0].round(3), "m")
# [end]
