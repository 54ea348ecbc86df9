"""What is done to patches' light, sharpness and surroundings: kinds and sizes of the changes."""

from __future__ import annotations

import torch

from handmesh_training.trainer.dice import Dice, seeded
from handmesh_training.trainer.photometric import covered, next_frame, occluded, photometric

SIZE = 128
CPU = torch.device("cpu")


def scenes(count: int) -> torch.Tensor:
    """Smooth coloured patches."""
    cells = torch.rand(count, 3, 8, 8, generator=seeded(3, 0, CPU))
    return torch.nn.functional.interpolate(cells, (SIZE, SIZE), mode="bicubic").clamp(0, 1)


def dice(count: int) -> Dice:
    return Dice(seeded(5, 0, CPU), count)


def test_another_camera_sees_other_colours_but_the_same_scene() -> None:
    before = scenes(40)
    kept = before.clone()
    after = photometric(before, dice(40))
    torch.testing.assert_close(before, kept, msg="what is given stays as it is")
    assert after.shape == before.shape
    assert after.min() >= 0 and after.max() <= 1
    changes = (after - before).abs().mean((1, 2, 3))
    assert changes.min() > 0.003 and 0.03 < changes.median() < 0.3
    light = [(x.mean(1) - x.mean((1, 2, 3), keepdim=True)[:, 0]).flatten(1) for x in (before, after)]
    assert ((light[0] * light[1]).sum(1) > 0).float().mean() > 0.9, "bright stays bright"
    torch.testing.assert_close(photometric(before, dice(40)), after, msg="equal throws, equal patches")


def test_two_frames_of_a_video_share_light_and_noise() -> None:
    leaders = torch.arange(0, 20)
    both = photometric(scenes(1).expand(50, -1, -1, -1), Dice(seeded(5, 0, CPU), 50, leaders, leaders + 20))
    torch.testing.assert_close(both[:20], both[20:40])
    assert (both[0] - both[1]).abs().mean() > 0.01
    assert (both[0] - both[40]).abs().mean() > 0.01


def test_the_next_frame_differs_as_a_video_does() -> None:
    patches = scenes(60)
    changes = (next_frame(patches, dice(60)) - patches).abs().mean((1, 2, 3)) * 255
    assert changes.min() > 0.1 and 1 < changes.median() < 6 and changes.max() < 16, "of 255: seen by a network, hardly by an eye"


def test_things_in_the_way_cover_a_part_of_some() -> None:
    patches, others = torch.zeros(40, 3, SIZE, SIZE), torch.ones(40, 3, SIZE, SIZE)
    changed = (occluded(patches, others, 0.3, dice(40)) > 0).any(1).float().mean((1, 2))
    assert 6 <= (changed > 0).sum() <= 12, "a thing may lie beyond the border"
    assert changed.max() < 0.2


def test_a_covered_hand_is_gone_and_the_rest_stays() -> None:
    keypoints = 0.4 + 0.2 * torch.rand(5, 21, 2, generator=seeded(0, 0, CPU))
    shown = covered(torch.zeros(5, 3, SIZE, SIZE), keypoints, torch.ones(5, 3, SIZE, SIZE))
    pixels = (keypoints * SIZE - 0.5).round().long()
    for patch, points in zip(shown, pixels, strict=True):
        assert all(patch[:, y, x].min() == 1 for x, y in points)
    assert shown[..., : SIZE // 8].max() == 0
