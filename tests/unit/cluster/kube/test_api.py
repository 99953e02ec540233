"""The API's client: how long a request may take."""

from typing import Any

import pytest

from airgap.cluster.kube.access import Access
from airgap.cluster.kube.api import KubeApi
from airgap.cluster.ports import Clock, Patience


def test_requests_of_a_quick_look_share_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    from kubernetes import client

    now, given = [100.0], list[float]()

    def answer(*_: object, _request_timeout: float, **__: Any) -> dict[str, Any]:
        given.append(round(_request_timeout, 3))
        now[0] += 3
        return {"items": []}

    patience = Patience.within(7, Clock(now=lambda: now[0]))
    kube = KubeApi(Access("https://127.0.0.1:1", b"", b"", b""), patience)
    monkeypatch.setattr(client.ApiClient, "call_api", staticmethod(answer))
    for _ in range(4):
        kube.list("ConfigMap", "x")
    assert given == [7, 4, 1, 0.1]
