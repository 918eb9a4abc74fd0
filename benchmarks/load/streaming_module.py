"""mosaicml's `streaming`, loaded also where torchvision's operators are not.

It imports torchvision, whose wheel for CUDA does not load into a torch for CPU and then fails for
lack of two operators. No contender uses them; declared, they let the import go on.
"""

from importlib import import_module

import torch

_OPERATORS = ("torchvision::nms", "torchvision::qnms")
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

try:
    import_module("torchvision")
except RuntimeError:
    for _operator in _OPERATORS:
        torch.library.define(_operator, _SCHEMA)

_streaming = import_module("streaming")
MDSWriter = _streaming.MDSWriter
StreamingDataset = _streaming.StreamingDataset
