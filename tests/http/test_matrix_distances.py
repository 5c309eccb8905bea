"""The distances of a matrix, which are looked at all together."""

from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError, fields

from taxi_api.schemas.matrix import MatrixRequestSchema
from taxi_api.schemas.trip import distance

_CELLS = st.one_of(
    st.floats(0.01, 200), st.floats(), st.integers(0, 201), st.integers(), st.none(), st.booleans(), st.text(max_size=2)
)


@given(cells=st.lists(st.lists(st.floats(0.01, 200) | st.integers(1, 200) | st.none())) | st.lists(st.lists(_CELLS)))
def test_distances_are_judged_together_as_they_are_one_by_one(cells: list[list[object]]):
    def judged(field: fields.Field) -> object:
        try:
            return field.deserialize(cells)
        except ValidationError as error:
            return error.messages

    one_by_one = fields.List(fields.List(distance(allow_none=True)))
    assert judged(MatrixRequestSchema().fields["distances"]) == judged(one_by_one)
