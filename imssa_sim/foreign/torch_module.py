"""Runs a PyTorch module on an example; PyTorch is there when such a module is."""

from __future__ import annotations

from typing import Any

import numpy as np

from imssa_sim.errors import InputError
from imssa_sim.model.reference_checkpoint import array_of
from imssa_sim.quantisation.quantisers import FloatArray


def run_module(module: Any, inputs: Any) -> FloatArray:
    """Return a module's outputs in evaluation mode, in its own precision, without gradients.

    Raises
    ------
    InputError
        It cannot run on the inputs.
    """
    import torch

    state = module.state_dict()
    like = [tensor for tensor in state.values() if tensor.is_floating_point()]
    kind: dict[str, Any] = {"dtype": like[0].dtype, "device": like[0].device} if like else {}
    training = bool(module.training)
    module.eval()
    try:
        with torch.no_grad():
            outputs = module(torch.as_tensor(inputs, **kind))
    except Exception as error:  # whatever a foreign module does
        raise InputError(
            f"{type(module).__name__} cannot run on the example of shape {inputs.shape}: "
            f"{type(error).__name__}: {error}"
        ) from error
    finally:
        module.train(training)
    first = outputs[0] if isinstance(outputs, tuple | list) else outputs
    return np.asarray(array_of(type(module).__name__, "outputs", first), dtype=np.float64)
