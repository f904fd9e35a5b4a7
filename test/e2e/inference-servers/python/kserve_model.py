"""A KServe model server, v1 and v2, whose model answers as the emulator does."""

import argparse
import logging

import numpy as np
from kserve import InferOutput, InferResponse, Model, ModelServer
from kserve.utils.utils import generate_uuid

from emulated_logits import logits


class EmulatedModel(Model):
    def __init__(self, name, version):
        super().__init__(name)
        self.version = version
        self.ready = True

    def load(self):
        self.ready = True
        return self.ready

    async def predict(self, payload, headers=None, response_headers=None):
        if isinstance(payload, dict):
            return {"predictions": self.answer([row["input_ids"] for row in payload["instances"]])}
        rows = payload.inputs[0].as_numpy().tolist()
        output = InferOutput(name="logits", shape=[len(rows), 2], datatype="FP32")
        output.set_data_from_numpy(np.array(self.answer(rows), dtype=np.float32), binary_data=False)
        # The server cannot answer without an id.
        identifier = payload.id or generate_uuid()
        return InferResponse(response_id=identifier, model_name=self.name, infer_outputs=[output])

    def answer(self, rows):
        return logits(self.name, self.version, "input_ids", "INT64", rows)


parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--version", required=True)
parser.add_argument("--http-port", type=int, required=True)
parser.add_argument("--grpc-port", type=int, required=True)
arguments = parser.parse_args()
logging.basicConfig(level=logging.INFO)
ModelServer(http_port=arguments.http_port, grpc_port=arguments.grpc_port, workers=1).start(
    [EmulatedModel(arguments.model, arguments.version)]
)
