"""Training of float S4D networks with PyTorch (the optional extra ``train``)."""
