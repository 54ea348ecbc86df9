"""``handmesh train mobrecon``: renders and real crops in, a mesh network of this project out."""
