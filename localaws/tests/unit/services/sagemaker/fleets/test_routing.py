"""Which variant a request goes to."""

import random

from hypothesis import given
from hypothesis import strategies as st

from localaws.services.sagemaker.endpoint_state.variant import Blueprint
from localaws.services.sagemaker.fleets.fleet import Fleet
from localaws.services.sagemaker.fleets.routing import Route, Routing
from localaws.services.sagemaker.models.models import ContainerSpec

BLUEPRINT = Blueprint(
    variant="any",
    model="any",
    container=ContainerSpec(image="image", model_data_url="s3://b/m.tar.gz", environment={}, role_arn="arn"),
    instance_type="ml.m5.large",
    health_check_seconds=None,
)
EMPTY = Fleet(blueprint=BLUEPRINT, containers=())


class Always(random.Random):
    """Draws the same number each time."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self._value = value

    def random(self) -> float:
        return self._value


def routing(**weights: float) -> Routing:
    routes = tuple(Route(name, weight, EMPTY) for name, weight in weights.items())
    return Routing(endpoint="spend", routes=routes)


def drawn(at: float, **weights: float) -> str | None:
    route = routing(**weights).by_weight(Always(at))
    return route.variant if route else None


def test_each_variant_owns_its_share() -> None:
    assert [drawn(at, v1=90.0, v2=10.0) for at in (0.0, 0.89, 0.91, 0.999)] == ["v1", "v1", "v2", "v2"]


def test_only_ratios_matter() -> None:
    assert [drawn(at, v1=0.9, v2=0.1) for at in (0.0, 0.89, 0.91, 0.999)] == ["v1", "v1", "v2", "v2"]


@given(
    at=st.floats(0, 1, exclude_max=True),
    weights=st.lists(st.floats(0, 1e6), min_size=1, max_size=10).filter(any),
)
def test_a_variant_without_weight_gets_no_traffic_and_no_request_gets_lost(at: float, weights: list[float]) -> None:
    named = {f"v{number}": weight for number, weight in enumerate(weights)}
    chosen = drawn(at, **named)
    assert chosen is not None
    assert named[chosen] > 0


def test_without_any_weight_there_is_no_route() -> None:
    assert drawn(0.5, v1=0.0, v2=0.0) is None


def test_a_target_is_reached_whatever_its_weight() -> None:
    route = routing(v1=1.0, v2=0.0).named("v2", Always(0.5))
    assert route is not None
    assert route.variant == "v2"
    assert routing(v1=1.0).named("v9", Always(0.5)) is None


def test_a_variant_with_two_fleets_divides_its_weight_between_them() -> None:
    old, new = Route("v1", 8.0, EMPTY, share=0.75), Route("v1", 8.0, EMPTY, share=0.25, deploying_config="new")
    both = Routing(endpoint="spend", routes=(old, new, Route("v2", 2.0, EMPTY)))

    def chosen(at: float) -> tuple[Route | None, Route | None]:
        return both.by_weight(Always(at)), both.named("v1", Always(at))

    assert [chosen(at)[0] for at in (0.59, 0.61, 0.79)] == [old, new, new]  # 6 : 2 : 2
    assert [chosen(at)[1] for at in (0.74, 0.76)] == [old, new]


def test_a_fleet_whose_traffic_has_moved_is_not_reachable_even_by_name() -> None:
    gone = Routing(endpoint="spend", routes=(Route("v1", 1.0, EMPTY, share=0.0),))
    assert gone.named("v1", Always(0.0)) is None
