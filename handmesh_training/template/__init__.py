"""The hand template: the CC0 rigged hand, its poses and shapes, and the 778-vertex mesh with its levels. numpy only."""

from handmesh_training.template.hand_template import HandTemplate, TemplateError

__all__ = ["HandTemplate", "TemplateError"]
