"""Asks a server everything by NVIDIA's own client and prints, as JSON, what came back: a result or an error."""

import argparse
import asyncio
import json
import queue

import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
import tritonclient.http.aio as aioclient
from google.protobuf.json_format import MessageToDict
from tritonclient.utils import InferenceServerException

MODEL = "bert-base"
ROWS = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.int64)
# Longer than what a proxy answers or reads at once.
MANY_ROWS = np.arange(8 * 40_000, dtype=np.int64).reshape(8, 40_000)


def asked(call):
    try:
        return call()
    except InferenceServerException as error:
        return {"error": error.message(), "status": error.status()}


def described(result):
    response = result.get_response()
    if not isinstance(response, dict):
        response = {"model_name": response.model_name, "model_version": response.model_version, "id": response.id}
    return {
        "model": response["model_name"],
        "version": response["model_version"],
        "id": response.get("id", ""),
        "logits": result.as_numpy("logits").flatten().tolist(),
    }


def rows_of(kind, rows, **options):
    tensor = kind.InferInput("input_ids", list(rows.shape), "INT64")
    tensor.set_data_from_numpy(rows, **options)
    return [tensor]


def plain(value):
    return MessageToDict(value, preserving_proto_field_name=True) if hasattr(value, "DESCRIPTOR") else value


def index_of(client, headers):
    index = plain(client.get_model_repository_index(headers=headers))
    models = index.get("models", []) if isinstance(index, dict) else index
    return sorted([one["name"], one["version"], one["state"]] for one in models)


def information(client, headers):
    """What both transports ask alike."""

    def metadata(version):
        return plain(client.get_model_metadata(MODEL, version, headers=headers))

    def config():
        answer = plain(client.get_model_config(MODEL, "3", headers=dict(headers)))
        return answer.get("config", answer)["name"]

    return {
        "live": asked(lambda: client.is_server_live(headers=headers)),
        "ready": asked(lambda: client.is_server_ready(headers=headers)),
        "model ready": asked(lambda: client.is_model_ready(MODEL, "3", headers=dict(headers))),
        "unknown ready": asked(lambda: client.is_model_ready("unknown", headers=headers)),
        "metadata": asked(lambda: metadata("3")),
        "metadata of an unknown version": asked(lambda: metadata("4")),
        "server": asked(lambda: plain(client.get_server_metadata(headers=headers))),
        "config": asked(config),
        "index": asked(lambda: index_of(client, headers)),
        "load": asked(lambda: client.load_model(MODEL, headers=headers)),
    }


def http_calls(address, headers):
    client = httpclient.InferenceServerClient(address, concurrency=4)

    # The client adds to the headers that it is given, so each call gets a copy.
    def infer(rows=ROWS, model=MODEL, version="3", binary=True, outputs=None, **options):
        inputs = rows_of(httpclient, rows, binary_data=binary)
        return described(client.infer(model, inputs, version, outputs, headers=dict(headers), **options))

    def together():
        pending = [
            client.async_infer(MODEL, rows_of(httpclient, ROWS), "10", headers=dict(headers)) for _ in range(20)
        ]
        return [described(one.get_result())["logits"] for one in pending]

    text = [httpclient.InferRequestedOutput("logits", binary_data=False)]
    answers = {
        **information(client, headers),
        "binary": asked(lambda: infer(request_id="r-1")),
        "json": asked(lambda: infer(binary=False, outputs=text, request_id="r-1")),
        "binary in, json out": asked(lambda: infer(outputs=text)),
        "json in, binary out": asked(lambda: infer(binary=False)),
        "large": asked(lambda: infer(MANY_ROWS)),
        "gzip": asked(
            lambda: infer(request_compression_algorithm="gzip", response_compression_algorithm="gzip")
        ),
        "deflate": asked(
            lambda: infer(request_compression_algorithm="deflate", response_compression_algorithm="deflate")
        ),
        "newest version": asked(lambda: infer(version="")),
        "unknown model": asked(lambda: infer(model="unknown", version="")),
        "unknown version": asked(lambda: infer(version="4")),
        "wrong shape": asked(lambda: infer(np.zeros((9, 3), dtype=np.int64))),
        "together": asked(together),
        "asyncio": asked(lambda: asyncio.run(http_asyncio(address, headers))),
    }
    client.close()
    return answers


async def http_asyncio(address, headers):
    async with aioclient.InferenceServerClient(address) as client:
        return described(await client.infer(MODEL, rows_of(httpclient, ROWS), "3", headers=dict(headers)))


def grpc_calls(address, headers):
    client = grpcclient.InferenceServerClient(address)

    def infer(rows=ROWS, model=MODEL, version="3", **options):
        inputs = rows_of(grpcclient, rows)
        return described(client.infer(model, inputs, version, headers=dict(headers), **options))

    def together():
        results = queue.Queue()
        for _ in range(20):
            callback = lambda result, error: results.put(error or result)  # noqa: E731
            client.async_infer(MODEL, rows_of(grpcclient, ROWS), callback, "10", headers=dict(headers))
        return [logits_or_raise(results.get(timeout=60)) for _ in range(20)]

    def stream():
        results = queue.Queue()
        client.start_stream(lambda result, error: results.put(error or result), headers=headers)
        for _ in range(20):
            client.async_stream_infer(MODEL, rows_of(grpcclient, ROWS), "3")
        answers = [logits_or_raise(results.get(timeout=60)) for _ in range(20)]
        client.stop_stream()
        return answers

    answers = {
        **information(client, headers),
        "binary": asked(lambda: infer(request_id="r-1")),
        "large": asked(lambda: infer(MANY_ROWS)),
        "gzip": asked(lambda: infer(compression_algorithm="gzip")),
        "newest version": asked(lambda: infer(version="")),
        "unknown model": asked(lambda: infer(model="unknown", version="")),
        "unknown version": asked(lambda: infer(version="4")),
        "wrong shape": asked(lambda: infer(np.zeros((9, 3), dtype=np.int64))),
        "together": asked(together),
        "stream": asked(stream),
    }
    client.close()
    return answers


def logits_or_raise(result):
    if isinstance(result, Exception):
        raise result
    return described(result)["logits"]


parser = argparse.ArgumentParser()
parser.add_argument("transport", choices=["http", "grpc"])
parser.add_argument("address")
parser.add_argument("--token")
arguments = parser.parse_args()
calls = http_calls if arguments.transport == "http" else grpc_calls
key = "Authorization" if arguments.transport == "http" else "authorization"
print(json.dumps(calls(arguments.address, {key: f"Bearer {arguments.token}"} if arguments.token else {})))
