"""One track's hand over time: fitted to every frame with this person's bones, then followed part by part.

Place and tilt come out of the fit together, because bones of constant length make the depth visible in the picture. What rests and what
moves is decided for the wrist's place, its turn and each finger by itself. The mesh follows the skeleton.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from handmesh_ros.errors import InputError
from handmesh_ros.hand import JOINT_COUNT, WRIST, FloatArray, Hand, Side, TrackState
from handmesh_ros.perception.articulated.fit import PoseFit, fitted, joint_covariances
from handmesh_ros.perception.articulated.kinematics import Pose, pose_near, posed
from handmesh_ros.perception.articulated.motion import PartMotion, PartParameters
from handmesh_ros.perception.articulated.person import Person
from handmesh_ros.perception.articulated.skeleton import CHAIN_COUNT, DOFS
from handmesh_ros.perception.evidence import MIRROR, HandEvidence
from handmesh_ros.perception.frames import joint_rotations
from handmesh_ros.perception.rotations import rotation_matrix, rotation_vector

PLACE, TURN, BENDS_OF_FINGERS = 0, 1, slice(2, None)
PART_COUNT = 2 + CHAIN_COUNT
USED = np.ones((PART_COUNT, DOFS), bool)
USED[:2, 3:] = False
FAR_FROM_ANCHOR_RAD = 0.7  # a turn beyond this from its anchor moves the anchor along: rotation vectors measure well only near it
# A fit begins where the hand was going if the network turns it less than 40 degrees from there; otherwise it takes more rounds from there
# than from what the network says.
SAME_TURN = 1.0 + 2.0 * math.cos(math.radians(40.0))  # trace of a rotation
LEARN_EVERY = 15  # frames: the person changes slowly, and to learn costs as much as to fit
# What part of an error (one sigma) trembles from frame to frame; the rest lasts for many frames, and no filter takes it away. Of the wrist
# across its ray and along it, its turn, and the fingers' angles; chosen on recorded motions (``python -m benchmarks motion``).
TREMBLING = np.ones((PART_COUNT, DOFS))
TREMBLING[PLACE, :3], TREMBLING[TURN], TREMBLING[BENDS_OF_FINGERS] = (0.5, 0.5, 0.8), 0.5, 0.5
TREMBLING_SHARE = TREMBLING**2
# Neighbouring joints and frames err alike, which the fit does not know: variances are this much larger than it thinks, for 95 % ellipsoids
# to hold the truth in 95 % of recorded motions.
LASTING_VARIANCE = 3.0
MESH_FOLLOWS_M = 0.012  # how far a joint carries the mesh along. Chosen by hand: a bit more than a finger's radius
WAYS = np.outer(np.array([1.0, -1.0, 1.0]), MIRROR).T  # entry by entry, a wrist's frame seen in a mirror


# Metres, radians and radians. Chosen on recorded motions (``python -m benchmarks motion``).
PLACE_MOTION = PartParameters(3.0, 20.0, 1.0, 0.05, 0.004)
TURN_MOTION = PartParameters(15.0, 200.0, 4.0, 0.2, 0.03)
FINGER_MOTION = PartParameters(25.0, 400.0, 15.0, 0.4, 0.2)


@dataclass(frozen=True)
class EstimatorParameters:
    """How steady, how quick.

    Attributes:
        enabled: whether anything is estimated over time; otherwise the measured hand is handed on.
        place, turn, fingers: of the wrist, metres; of its orientation and of the fingers' angles, radians.
        reset_after_s: a longer pause begins anew.
        prediction_limit_s: how far ``predict`` goes beyond the last measurement at most.
        prediction_decay_s: time constant with which the velocity of a prediction decays.
    """

    enabled: bool = True
    place: PartParameters = PLACE_MOTION
    turn: PartParameters = TURN_MOTION
    fingers: PartParameters = FINGER_MOTION
    reset_after_s: float = 0.3
    prediction_limit_s: float = 0.05
    prediction_decay_s: float = 0.25

    def __post_init__(self) -> None:
        refuse_negative("estimator", self, self.place, self.turn, self.fingers)


class HandEstimator:
    """Estimates the hand of ONE track; make a new one for another track."""

    def __init__(self, parameters: EstimatorParameters | None = None) -> None:
        self.parameters = parameters or EstimatorParameters()
        p = self.parameters
        self._motion = PartMotion([p.place, p.turn, *[p.fingers] * CHAIN_COUNT], USED)
        self.person = Person()
        self.reset()

    def reset(self) -> None:
        """Forget how the hand moved; what was learnt of the person stays."""
        self._motion.started = False
        self._anchor: FloatArray = np.eye(3)
        self._fit: PoseFit | None = None  # of the last measured frame
        self._hand: Hand | None = None  # last measured
        self._frames = 0
        self._skin = np.zeros((0, JOINT_COUNT), np.float32)

    def update(self, hand: Hand, evidence: HandEvidence, size_relative_sigma: float = 0.0) -> Hand:
        """The estimate after a frame.

        Args:
            hand: as measured, or as the tracker carries it on where it was not seen (state PREDICTED).
            evidence: what the hand was made of.
            size_relative_sigma: how unsure the hand's size is, as in ``place``.

        A repeated stamp returns the hand already given for it; a pause longer than ``reset_after_s`` starts anew, as does any other step in
        time that is not one ahead. Keypoints stay as measured.

        Raises: ValueError if the hand holds a number that is not finite.
        """
        if not math.isfinite(hand.stamp_s + float(hand.joints.sum() + hand.rotations.sum() + hand.vertices.sum() + evidence.rays.sum())):
            raise ValueError("the hand holds NaN or infinite numbers; reject such measurements first")
        if not self.parameters.enabled:
            self._hand = hand
            return hand
        dt = 0.0 if self._hand is None else hand.stamp_s - self._hand.stamp_s
        if self._hand is not None:
            if dt == 0.0:
                return self._hand
            if not 0.0 < dt <= self.parameters.reset_after_s or len(hand.vertices) != len(self._hand.vertices):
                self.reset()
                dt = 0.0
        if hand.state is not TrackState.TRACKING:
            return hand if self._hand is None else self._carried(self._hand, dt, hand)
        mirror = hand.side is Side.LEFT
        wrist, rotation, joints = hand.joints[WRIST], hand.rotations[WRIST], hand.joints
        if mirror:
            evidence, wrist, rotation, joints = evidence.mirrored(), wrist * MIRROR, rotation * WAYS, joints * MIRROR
        fit = self._fitted(evidence, joints, rotation, hand.size_m, dt)
        if self._frames % LEARN_EVERY == 0:
            self.person.learn(evidence, fit, hand.size_m, LEARN_EVERY * dt)
        self._frames += 1
        self._fit = fit
        pose = self._followed(fit, dt)
        shown = np.empty((JOINT_COUNT, 3))
        shown[0] = pose.wrist
        shown[1:] = posed(pose, self.person.bones(hand.size_m)).points.reshape(-1, 3) + pose.wrist
        if mirror:
            shown *= MIRROR
        rotations = joint_rotations(shown - shown[WRIST], hand.side)
        self._hand = replace(
            hand,
            joints=shown,
            rotations=rotations,
            vertices=self._mesh(hand, shown, rotations[WRIST]),
            position_covariance=_with_size(LASTING_VARIANCE * _seen(fit.shared[:3, :3], mirror), shown[WRIST], size_relative_sigma),
        )
        return self._hand

    def predict(self, stamp_s: float) -> Hand:
        """The last hand carried on to ``stamp_s`` with its present velocity and turning rate, fingers held.

        It goes at most ``prediction_limit_s`` beyond the last measurement: the returned hand's ``stamp_s`` is the time it is for.
        State PREDICTED; keypoints remain those last measured. A time before the last measurement gives that hand.

        Raises: RuntimeError before the first update.
        """
        if self._hand is None:
            raise RuntimeError("nothing to predict from: call update() with a measured hand first")
        ahead = min(stamp_s - self._hand.stamp_s, self.parameters.prediction_limit_s)
        if not ahead > 0.0:
            return self._hand
        return self._carried(self._hand, ahead, replace(self._hand, stamp_s=self._hand.stamp_s + ahead))

    def joint_covariances(self, size_relative_sigma: float = 0.0) -> FloatArray:
        """(21, 3, 3) of the last measured hand's joints, camera frame, square metres: the network's noise, what is not known of this
        person's bones, and what the hand's unknown size adds.

        Raises: RuntimeError before the first estimate.
        """
        if self._hand is None or self._fit is None:
            raise RuntimeError("nothing is estimated yet: call update() with a measured hand first")
        mirror, fit = self._hand.side is Side.LEFT, self._fit
        by_person = fit.chains.by_person(fit.pose, self.person.bones(self._hand.size_m), self._hand.size_m).swapaxes(-1, -2)
        bones = np.zeros((JOINT_COUNT, 3, 3))
        bones[1:] = (by_person @ self.person.covariance[:, None] @ by_person.swapaxes(-1, -2)).reshape(-1, 3, 3)
        covariances = LASTING_VARIANCE * _seen(joint_covariances(fit) + bones, mirror)
        return np.array([_with_size(one, joint, size_relative_sigma) for one, joint in zip(covariances, self._hand.joints, strict=True)])

    @property
    def turn_covariance(self) -> FloatArray:
        """(3, 3) of the last measured hand's orientation, about the camera's axes, square radians.

        Raises: RuntimeError before the first estimate.
        """
        if self._hand is None or self._fit is None:
            raise RuntimeError("nothing is estimated yet: call update() with a measured hand first")
        return np.asarray(LASTING_VARIANCE * _seen(self._fit.shared[3:6, 3:6], self._hand.side is Side.LEFT))

    def _fitted(self, evidence: HandEvidence, joints: FloatArray, rotation: FloatArray, size_m: float, dt: float) -> PoseFit:
        """This frame's fit, begun where the hand was going, or where the network sees it if that is elsewhere."""
        bones = self.person.bones(size_m)
        if self._fit is not None:
            ahead = self._motion.value + dt * self._motion.steady_velocity
            turned = rotation_matrix(ahead[TURN, :3]) @ self._anchor
            if float(np.vdot(turned, rotation)) > SAME_TURN:
                return fitted(evidence, Pose(joints[WRIST], turned, ahead[BENDS_OF_FINGERS]), bones, self._fit.common)
        return fitted(evidence, pose_near(joints, rotation), bones)

    def _followed(self, fit: PoseFit, dt: float) -> Pose:
        """The pose after a fit, followed part by part."""
        x, y, z = fit.pose.wrist
        sample, variances = np.zeros((PART_COUNT, DOFS)), np.ones((PART_COUNT, DOFS))
        sample[PLACE, :3] = x / z, y / z, math.log(z)
        by_wrist = np.array([[1.0, 0.0, -x / z], [0.0, 1.0, -y / z], [0.0, 0.0, 1.0]]) / z
        variances[PLACE, :3] = np.diag(by_wrist @ fit.shared[:3, :3] @ by_wrist.T)
        if not self._motion.started:
            self._anchor = fit.pose.rotation
        sample[TURN, :3] = rotation_vector(fit.pose.rotation @ self._anchor.T)
        variances[TURN, :3] = np.diag(fit.shared)[3:6]
        sample[BENDS_OF_FINGERS] = fit.pose.angles
        variances[BENDS_OF_FINGERS] = np.diagonal(fit.angles + fit.lever @ fit.shared @ fit.lever.transpose(0, 2, 1), axis1=1, axis2=2)
        trembling = variances * TREMBLING_SHARE
        scale = np.ones((PART_COUNT, 1))
        scale[PLACE] = 1.0 / z
        if not self._motion.started:
            self._motion.start(sample, trembling, scale)
        else:
            self._motion.update(sample, trembling, dt, scale)
        u, v, log_depth = self._motion.value[PLACE, :3].tolist()
        depth = math.exp(log_depth)
        turn = self._motion.value[TURN]
        rotation = rotation_matrix(turn[:3]) @ self._anchor
        if float(turn @ turn) > FAR_FROM_ANCHOR_RAD**2:
            self._motion.shift(TURN, turn)
            self._anchor = rotation
        return Pose(np.array([u * depth, v * depth, depth]), rotation, self._motion.value[BENDS_OF_FINGERS])

    def _mesh(self, hand: Hand, joints: FloatArray, rotation: FloatArray) -> FloatArray:
        """The network's mesh moved with the wrist, and then as far as the joints nearby have moved in the hand."""
        turn = rotation @ hand.rotations[WRIST].T
        raw = (hand.joints - hand.joints[WRIST]) @ turn.T
        vertices = (hand.vertices - hand.joints[WRIST].astype(np.float32)) @ turn.T.astype(np.float32)
        if len(self._skin) != len(vertices):
            self._skin = _skin(raw, vertices)
        return np.asarray(vertices + self._skin @ (joints - raw).astype(np.float32))

    def _carried(self, last: Hand, ahead_s: float, hand: Hand) -> Hand:
        """The last estimate carried on by some seconds; identity, time and covariance are the given hand's."""
        # Hands brake: the velocity decays, so that a long prediction comes to rest instead of flying off.
        decay = self.parameters.prediction_decay_s
        seconds = decay * -math.expm1(-ahead_s / decay) if decay > 0.0 else 0.0
        velocity = self._motion.steady_velocity * seconds if self._motion.started else np.zeros((PART_COUNT, DOFS))
        x, y, z = last.joints[WRIST]
        flip = MIRROR if last.side is Side.LEFT else np.ones(3)
        u, v, w = velocity[PLACE, :3] * flip
        depth = z * math.exp(w)
        shift = np.array([(x / z + u) * depth - x, (y / z + v) * depth - y, depth - z])
        turn = rotation_matrix(velocity[TURN, :3] * flip * flip[0])  # a turn is an axial vector: a mirror keeps x
        wrist = last.joints[WRIST]
        return replace(
            hand,
            state=TrackState.PREDICTED,
            joints=(last.joints - wrist) @ turn.T + wrist + shift,
            rotations=turn @ last.rotations,
            vertices=((last.vertices - wrist) @ turn.T + wrist + shift).astype(np.float32),
        )


def refuse_negative(kind: str, *records: object) -> None:
    """Raise InputError where a float of some records of parameters is negative or not finite."""
    for record in records:
        for name, value in vars(record).items():
            if isinstance(value, float) and not (math.isfinite(value) and value >= 0.0):
                raise InputError(f"{kind} parameter {name} is {value}; give a finite number, zero or more")


def _seen(covariance: FloatArray, mirror: bool) -> FloatArray:
    """(..., 3, 3) of the hand itself, where it was estimated in a mirror. (Of a turn, too: its signs come in pairs.)"""
    return covariance * np.outer(MIRROR, MIRROR) if mirror else covariance


def _with_size(covariance: FloatArray, point: FloatArray, size_relative_sigma: float) -> FloatArray:
    """A hand (1 + e) times as large fits the same picture (1 + e) times as far away."""
    return np.asarray(covariance + size_relative_sigma**2 * np.outer(point, point))


def _skin(joints: FloatArray, vertices: FloatArray) -> FloatArray:
    """(V, 21) float32 weights by which a vertex follows the joints near it."""
    squared = (vertices * vertices).sum(axis=1)[:, None] - 2.0 * vertices @ joints.T + (joints * joints).sum(axis=1)
    weights = np.exp(-0.5 * (squared - squared.min(axis=1, keepdims=True)) / MESH_FOLLOWS_M**2)
    shares: FloatArray = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
