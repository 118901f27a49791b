"""Facts about real-time endpoints: one endpoint with one variant, later two."""

from __future__ import annotations

from conformance.account import Account, refusal
from conformance.fact import Bill, Fact, Group, Observation, confirmed_if, still_open
from conformance.hosting import (
    ask,
    await_in_service,
    has_ten_seconds,
    make_config,
    make_endpoint,
    make_model,
    metric_names,
    metric_sum,
    variant,
)

ONE, TWO = "one", "two"


def _model(account: Account) -> str:
    return account.shared("real-time-model", lambda: make_model(account, "model"))


def _single(account: Account) -> str:
    often = {"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10}
    return account.shared(
        "single-config",
        lambda: make_config(account, "single", [variant(ONE, _model(account))], MetricsConfig=often),
    )


def _endpoint(account: Account) -> str:
    return account.shared("real-time", lambda: make_endpoint(account, "real-time", _single(account)))


def errors_of_a_failure(account: Account) -> Observation:
    """Send ten requests that fail and ten that do not; see which error metrics count them."""
    endpoint = _endpoint(account)
    failed = [refusal(lambda: ask(account, endpoint, "fail")) for _ in range(10)]
    for _ in range(10):
        ask(account, endpoint, "1,2")
    codes = {error.response["Error"]["Code"] if error else "none" for error in failed}
    if account.eventually(lambda: _counted(account, endpoint, 20.0)) is None:
        return still_open(f"the requests were answered with {codes}, and CloudWatch has not counted them")
    names = ("Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors")
    sums = {name: metric_sum(account, name, endpoint, ONE) for name in names}
    both = sums["Invocation5XXErrors"] == sums["InvocationModelErrors"] == 10.0
    return confirmed_if(both, f"ten failures ({', '.join(sorted(codes))}) are {sums}")


def _counted(account: Account, endpoint: str, wanted: float) -> bool | None:
    return True if metric_sum(account, "Invocations", endpoint, ONE) == wanted else None


def metrics_of_real_time(account: Account) -> Observation:
    """Which metrics the endpoint has once it was asked."""
    endpoint = _endpoint(account)
    ask(account, endpoint, "1,2")
    wanted = {"Invocations", "Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors", "ModelLatency"}
    found = account.eventually(lambda: names if wanted <= (names := metric_names(account, endpoint, ONE)) else None)
    seen = found if found is not None else metric_names(account, endpoint, ONE)
    return confirmed_if(found is not None, f"metrics: {', '.join(sorted(seen))}")


def ten_second_metrics(account: Account) -> Observation:
    """Ask until the series of the variant has a point between two minutes."""
    endpoint = _endpoint(account)

    def seen() -> bool | None:
        ask(account, endpoint, "1,2")
        return True if has_ten_seconds(account, "Invocations", endpoint, ONE) else None

    found = account.eventually(seen)
    return confirmed_if(found is not None, "points every ten seconds" if found else "points at full minutes only")


def same_config(account: Account) -> Observation:
    """Update the endpoint to the config that it has."""
    endpoint, config = _endpoint(account), _single(account)
    update = account.client("sagemaker").update_endpoint
    error = refusal(lambda: update(EndpointName=endpoint, EndpointConfigName=config))
    if error is None:
        await_in_service(account, endpoint)
    return confirmed_if(error is None, f"refused: {error}" if error else "it was accepted")


def shadow_metrics_config(account: Account) -> Observation:
    """Make a config with a shadow that turns detailed observability off."""
    model = _model(account)
    error = refusal(
        lambda: make_config(
            account,
            "shadowed",
            [variant(ONE, model)],
            ShadowProductionVariants=[variant(TWO, model)],
            MetricsConfig={"EnableDetailedObservability": False},
        )
    )
    return confirmed_if(error is None, f"refused: {error}" if error else "it was accepted")


def target_model(account: Account) -> Observation:
    """Name a model of a multi-model endpoint, which this is not."""
    endpoint = _endpoint(account)
    error = refusal(lambda: ask(account, endpoint, "1,2", TargetModel="other.tar.gz"))
    return confirmed_if(error is not None, f"refused: {error}" if error else "it was answered")


def weights_of_zero(account: Account) -> Observation:
    """Take all weight from a variant that is alone."""
    endpoint = _endpoint(account)
    update = account.client("sagemaker").update_endpoint_weights_and_capacities
    wanted = [{"VariantName": ONE, "DesiredWeight": 0.0}]
    error = refusal(lambda: update(EndpointName=endpoint, DesiredWeightsAndCapacities=wanted))
    if error is not None:
        return confirmed_if(True, f"refused: {error}")
    await_in_service(account, endpoint)
    answer = refusal(lambda: ask(account, endpoint, "1,2"))
    update(EndpointName=endpoint, DesiredWeightsAndCapacities=[{"VariantName": ONE, "DesiredWeight": 1.0}])
    await_in_service(account, endpoint)
    return confirmed_if(
        answer is not None, f"accepted; then a request {f'fails: {answer}' if answer else 'is answered'}"
    )


def while_updating(account: Account) -> Observation:
    """Ask for a second change while the first one is under way."""
    endpoint = _endpoint(account)
    sagemaker = account.client("sagemaker")
    both = make_config(account, "both", [variant(ONE, _model(account)), variant(TWO, _model(account), 0.0)])
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=both)
    error = refusal(lambda: sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=_single(account)))
    await_in_service(account, endpoint)
    text = str(error)
    return confirmed_if("in-progress" in text.lower(), f"refused: {text}" if error else "it was accepted")


def scaled_variant_goes(account: Account) -> Observation:
    """Update to a config without a variant that is a scalable target."""
    endpoint = _endpoint(account)
    scaling, sagemaker = account.client("application-autoscaling"), account.client("sagemaker")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/{ONE}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    account.undo(f"scalable target of {endpoint}", lambda: scaling.deregister_scalable_target(**target))
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    other = make_config(account, "other", [variant(TWO, _model(account))])
    error = refusal(lambda: sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=other))
    await_in_service(account, endpoint)
    return confirmed_if(error is not None, f"refused: {error}" if error else "it was accepted")


REAL_TIME = Group(
    name="real-time",
    bill=Bill(dollars=0.25, minutes=45, what_for="up to three ml.m5.large at a time"),
    facts=(
        Fact(
            name="a-failure-counts-twice",
            statement="A model's error counts in Invocation5XXErrors and in InvocationModelErrors.",
            matters="Sluice reads one of them, so that no failure counts twice.",
            check=errors_of_a_failure,
        ),
        Fact(
            name="real-time-metrics",
            statement="A real-time endpoint has every error metric from its first request on.",
            matters="Alarms and the judge of real-time endpoints read them.",
            check=metrics_of_real_time,
        ),
        Fact(
            name="ten-second-metrics",
            statement="With enhanced metrics every 10 s, the series of EndpointName and VariantName has such points.",
            matters="Alarms with a period of 10 s and the judge read this series.",
            check=ten_second_metrics,
        ),
        Fact(
            name="same-config-is-taken",
            statement="UpdateEndpoint to the config that is in use is accepted.",
            matters="Nothing: every change of Sluice's has a config of its own.",
            check=same_config,
        ),
        Fact(
            name="shadow-metrics-config",
            statement="CreateEndpointConfig takes a MetricsConfig beside a shadow variant.",
            matters="Sluice turns detailed observability off for shadow tests; refused, it leaves the setting out.",
            check=shadow_metrics_config,
        ),
        Fact(
            name="target-model-is-refused",
            statement="InvokeEndpoint with TargetModel is refused by an endpoint with one model.",
            matters="Nothing: Sluice names none. The local AWS refuses it.",
            check=target_model,
        ),
        Fact(
            name="no-weight-no-answer",
            statement="An endpoint whose weights sum to zero refuses the change, or answers no request.",
            matters="Sluice never lets weights sum to zero.",
            check=weights_of_zero,
        ),
        Fact(
            name="one-change-at-a-time",
            statement="UpdateEndpoint of an endpoint that changes is refused with a text that says in-progress.",
            matters="Rollback waits and tries again on this text.",
            check=while_updating,
        ),
        Fact(
            name="scaled-variant-stays",
            statement="UpdateEndpoint to a config without a variant that is a scalable target is refused.",
            matters="Sluice deregisters the target first.",
            check=scaled_variant_goes,
        ),
    ),
)
