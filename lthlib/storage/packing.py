"""A network's tensors as bytes: its mask packed to bits, and of its weights those that the mask keeps."""

import numpy as np
import torch
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor

from lthlib.pruning.masks import Mask

State = dict[str, Tensor]
# Parts of a file, and the fields of a Record that they hold. What is masked is stored without its zeros.
FIELDS = {"end": "weights", "start": "start", "early": "early_stop"}
MASKED = ("end", "early")


def pack(mask: Mask, states: dict[str, State | None]) -> bytes:
    """A mask and the states that a record holds, by the name of its field; those that are None are left out."""
    tensors = {f"mask/{name}": torch.from_numpy(np.packbits(kept.numpy())) for name, kept in mask.items()}
    for part, field in FIELDS.items():
        for name, tensor in (states[field] or {}).items():
            # At early stop a mask that moves was another one: then a weight is stored whole.
            only_kept = part in MASKED and name in mask and not tensor[~mask[name]].any()
            tensors[f"{part}/{name}"] = tensor[mask[name]] if only_kept else tensor.contiguous()
    return to_bytes(tensors)


def unpack(raw: bytes, shapes: dict[str, list[int]]) -> tuple[Mask, dict[str, State | None]]:
    """What `pack` was given, where `shapes` are those of the mask; None for a state that is not there. Raises
    KeyError, ValueError or RuntimeError where they do not fit."""
    tensors, mask = from_bytes(raw), {}
    for name, shape in shapes.items():
        packed, count = tensors[f"mask/{name}"].numpy(), int(np.prod(shape))
        if len(packed) != -(-count // 8):
            raise ValueError(f"{len(packed)} bytes hold no mask of {count} weights")
        bits = np.unpackbits(packed, count=count)
        mask[name] = torch.from_numpy(bits.astype(bool)).view(shape)
    states = {}
    for part, field in FIELDS.items():
        start = f"{part}/"
        state = {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
        if part in MASKED:
            for name in mask.keys() & state.keys():
                if list(state[name].shape) == list(shapes[name]) and not mask[name].all():
                    continue  # stored whole
                whole = torch.zeros(shapes[name], dtype=state[name].dtype)
                state[name] = whole.masked_scatter_(mask[name], state[name])
        states[field] = state or None
    return mask, states
