"""A model of Triton's Python backend that answers as the emulator does."""

import os
import sys
import time

# The interpreter that is embedded in the server's stub does not read it by itself.
sys.path.extend(os.environ["PYTHONPATH"].split(os.pathsep))

import numpy as np
import triton_python_backend_utils as pb_utils

from emulated_logits import logits


class TritonPythonModel:
    def initialize(self, args):
        self.name = args["model_name"]
        self.version = args["model_version"]
        time.sleep(float(os.environ.get("MODEL_LOAD_SECONDS", "0")))

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        rows = pb_utils.get_input_tensor_by_name(request, "input_ids").as_numpy().tolist()
        data = np.array(logits(self.name, self.version, "input_ids", "INT64", rows), dtype=np.float32)
        return pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("logits", data)])
