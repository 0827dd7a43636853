"""What is taken of a running module: its tensors, its configuration, its answers.

torch is imported where it is needed alone: who has a module has it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ballproof.models.errors import ModelError
from ballproof.models.tensors import Tensor

MEMORY = "the model in memory"


def settings_of(module: Any) -> dict[str, object] | None:
    """Return the configuration that a module of TransformerLens carries, or None."""
    cfg = getattr(module, "cfg", None)
    if cfg is None:
        return None
    values = cfg.to_dict() if hasattr(cfg, "to_dict") else dict(vars(cfg))
    plain = (bool, int, float, str, list, type(None))
    return {
        name: value if isinstance(value, plain) else str(value) for name, value in values.items()
    }


def tensor_of(name: str, value: Any) -> Tensor:
    """Return a tensor of torch, or an array, bit for bit."""
    if isinstance(value, np.ndarray):
        return Tensor.from_array(name, value)
    if not hasattr(value, "detach"):
        raise ModelError(
            f"{MEMORY} holds {name!r}, a {type(value).__name__}, where only tensors are expected."
        )
    if value.is_meta or value.is_sparse or value.is_quantized or "strided" not in str(value.layout):
        raise ModelError(f"{MEMORY}: {name} is a meta, sparse or quantised tensor, not supported.")
    if value.untyped_storage().nbytes() < value.numel() * value.element_size():
        raise ModelError(
            f"{MEMORY}: {name} is expanded: `tensor.contiguous()` is a tensor as such."
        )
    kept = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
    if str(kept.dtype) == "torch.bfloat16":
        import torch

        # numpy has no such numbers: their bytes are taken as they are.
        return Tensor(name, "BF16", tuple(kept.shape), kept.view(torch.int16).numpy().tobytes())
    try:
        return Tensor.from_array(name, kept.numpy())
    except TypeError as error:
        raise ModelError(f"{MEMORY}: {name} has the dtype {kept.dtype}, not supported.") from error


def array_of(inputs: Any) -> Any:
    """Return inputs, a tensor or an array, as an array."""
    return inputs.detach().cpu().numpy() if hasattr(inputs, "detach") else np.asarray(inputs)


def answers_of(module: Any, inputs: Any, position: int | None) -> Any:
    """Return the logits (N, o) that a module answers at this position, in evaluation mode.

    The position is None for a module that reads several, and has no logits at each.
    """
    import torch

    device = next((tensor.device for tensor in module.state_dict().values()), "cpu")
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            answer = module(torch.as_tensor(inputs, dtype=torch.int64, device=device))
    finally:
        module.train(training)
    answer = getattr(answer, "logits", answer)
    answer = answer[0] if isinstance(answer, tuple | list) else answer
    if not isinstance(answer, torch.Tensor) or answer.ndim not in (2, 3):
        raise ModelError(
            f"{type(module).__name__} answers with {type(answer).__name__}, where logits (N, o) or "
            "(N, n_ctx, o) are expected."
        )
    if answer.ndim == 3 and position is None:
        raise ModelError(
            f"{type(module).__name__} answers with logits of every position, where the sum or the "
            "mean over the positions is read."
        )
    read = answer[:, position] if answer.ndim == 3 else answer
    return read.detach().to("cpu", torch.float64).numpy()
