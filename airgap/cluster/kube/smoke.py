"""One pod from the registry on a node: proof that images are pulled under their usual names."""

from airgap.cluster.kube import ready
from airgap.cluster.objects.smoke import pod
from airgap.cluster.parameters import NAMESPACE
from airgap.cluster.ports import Clock, Kube
from airgap.errors import ClusterError

_PULL_FAILED = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")


def smoke_pod(kube: Kube, image: str, node: str, seconds: float, clock: Clock) -> str:
    """Run a pod from ``image`` on ``node``; returns what became of its container.

    The container may end or fail by itself: what counts is that it was pulled and started.

    Raises:
        RefusedError: the cluster's rules do not let it run.
        ClusterError: the image could not be pulled, or nothing started in time.
    """
    wanted = pod(image, node)
    name = wanted["metadata"]["name"]
    kube.delete("Pod", name, NAMESPACE, grace=0)
    ready.wait(
        "an earlier smoke pod to leave",
        lambda: "it still runs" if kube.get("Pod", name, NAMESPACE) else "",
        seconds,
        f"kubectl -n {NAMESPACE} get pods",
        clock,
    )
    outcome = "did not start"

    def started() -> str:
        nonlocal outcome
        outcome = ready.container_state(kube.get("Pod", name, NAMESPACE) or {})
        if outcome.startswith(_PULL_FAILED):
            raise ClusterError(
                f"the smoke pod cannot pull {image}: {outcome}",
                hint="airgap status tells which node does not trust the registry",
            )
        return "" if outcome.startswith(("running", "ended", "pulled")) else outcome

    look = f"kubectl -n {NAMESPACE} describe pod {name}"
    try:
        kube.create(wanted)
        ready.wait("the smoke pod", started, seconds, look, clock)
    finally:
        kube.delete("Pod", name, NAMESPACE, grace=0)
    return outcome
