"""The paper's museum: encoders, heads, a pooling and spirals that MobRecon was published with or compared with, and no shipped model uses.

Official weights need DenseStack (``densestack.py``) and spirals in OpenMesh's order (``spiral.py``); the rest is for comparison
(docs/networks.md) and stands still.
"""
