"""A model of Triton's Python backend: y is x times its FACTOR times its version. It logs the rows of every batch."""

import json
import os
import sys
import time

# The interpreter that is embedded in the server's stub does not read it by itself.
sys.path.extend(os.environ["PYTHONPATH"].split(os.pathsep))

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        parameters = json.loads(args["model_config"])["parameters"]
        self.factor = float(parameters["FACTOR"]["string_value"]) * int(args["model_version"])
        time.sleep(float(parameters.get("LOAD_SECONDS", {}).get("string_value", "0")))
        self.seconds = float(parameters.get("EXECUTE_SECONDS", {}).get("string_value", "0"))
        self.log = parameters.get("EXECUTION_LOG", {}).get("string_value")

    def execute(self, requests):
        inputs = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        if self.log:
            with open(self.log, "a", encoding="utf-8") as log:
                log.write(f"{sum(len(x) for x in inputs)} rows of {inputs[0].shape[1]}\n")
        time.sleep(self.seconds)
        return [self.answer(x) for x in inputs]

    def answer(self, x):
        y = (x * self.factor).astype(np.float32)
        return pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("y", y)])
