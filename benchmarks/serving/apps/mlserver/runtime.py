"""A custom runtime, as MLServer's documentation has one."""

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from taxi_api.model.features import Trips
from taxi_api.model.store import load_predictor


class Taxi(MLModel):
    async def load(self) -> bool:
        self.predictor = load_predictor("")
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        given = {tensor.name: tensor for tensor in payload.inputs}
        pickup, dropoff, miles = (
            NumpyCodec.decode_input(given[name]).ravel() for name in ("PULocationID", "DOLocationID", "trip_distance")
        )
        times = np.array(StringCodec.decode_input(given["pickup_datetime"]), "datetime64[s]")
        minutes = self.predictor.predict(Trips(pickup, dropoff, miles, times)).minutes.T
        outputs = [
            NumpyCodec.encode_output(name, column)
            for name, column in zip(("duration", "lower", "upper"), minutes, strict=True)
        ]
        return InferenceResponse(model_name=self.name, outputs=outputs)
