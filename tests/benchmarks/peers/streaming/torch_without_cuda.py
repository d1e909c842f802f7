"""Lets torchvision load beside a PyTorch without CUDA; imported before it.

torchvision's library, which declares these operators, is made for PyTorch with CUDA.
"""

import torch

if not torch.version.cuda:
    OPERATORS = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        OPERATORS.define(f"{name}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
