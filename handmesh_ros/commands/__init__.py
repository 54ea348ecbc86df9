"""The sub-commands of ``handmesh``: one file each, with ``add_arguments(parser)`` and ``main(arguments) -> Summary``."""
