"""A Ray Serve application that answers as the emulator does."""

from ray import serve
from starlette.requests import Request

from emulated_logits import logits


@serve.deployment(num_replicas=1, ray_actor_options={"num_cpus": 0.1})
class EmulatedModel:
    async def __call__(self, request: Request):
        body = await request.json()
        return {"logits": logits("bert-base", "3", "input_ids", "INT64", body["input_ids"])}


app = EmulatedModel.bind()
