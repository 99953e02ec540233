"""lookup: from references to images, by their manifests alone."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from airgap.bundle.format import check_count
from airgap.errors import AirgapError, InputError, NetworkError, TrustError
from airgap.oci import strictjson
from airgap.oci.choice import Choice
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image, walk
from airgap.oci.manifest import Manifest, Parsed
from airgap.oci.platform import Platform
from airgap.oci.reference import DEFAULT_HOST, Reference
from airgap.pack import small
from airgap.pack.attached import Attached
from airgap.pack.request import Request
from airgap.progress import Progress
from airgap.spec.wanted import Wanted
from airgap.transfer.ports import Attaching, Source
from airgap.transfer.stop import Stop
from airgap.transfer.workers import each

_PARALLEL = 8  # manifests are small: latency is what counts
_MAX_CONFIG = 4 << 20
_FEW_PULLS = 10  # so few that asking for the limit costs more than it tells


@dataclass(frozen=True, slots=True)
class Found:
    """What a look-up found.

    Attributes:
        images: an image for each reference that was found, in the order asked for.
        bodies: the exact bytes of all manifests, and of the configs that had to be read.
        absent: foreign layers that the registries do not have, and that are not carried.
        failed: why the others were not found.
        attached: what is attached to each image, an image of its own each.
        moved: the tags that are not where the lock has them, and where they are now; None where
            they are gone.
    """

    images: Mapping[Reference, Image]
    bodies: Mapping[Digest, bytes]
    absent: frozenset[Digest]
    failed: Mapping[Reference, AirgapError]
    moved: Mapping[Reference, Digest | None]
    attached: Mapping[Reference, Sequence[Image]] = field(default_factory=dict)

    def attached_to(self, references: Iterable[Reference]) -> dict[Reference, Image]:
        """Return what is attached to images, each once, but for what is an image of its own."""
        every = (one for r in references for one in self.attached.get(r, ()))
        return {one.reference: one for one in every if one.reference not in self.images}


def look_up(request: Request, source: Source, progress: Progress, stop: Stop) -> Found:
    """Look all images of a request up, several at a time.

    Args:
        request: names them.
        source: where they are.
        progress: is told of each, and of what is odd.
        stop: is set at the first failure that is not one image's own.

    Raises:
        InputError: one name is to be given to two images.
        TooLarge: one bundle has no room for what was found so far; nothing more is looked up.
    """
    wanted = request.wanted
    _tell_limit(wanted.values(), source, progress)
    lookup = _Lookup(request, source, progress)
    outcome = each(lookup.look_up, wanted.values(), stop, most=_PARALLEL)
    for one, image in outcome.done:
        progress.detail(f"{image.reference.familiar} is {image.root.digest}")
        _warn_of_platform(image, one.platforms or (), progress)
    return Found(
        images={one.reference: image for one, image in outcome.done},
        bodies=lookup.bodies,
        absent=frozenset(lookup.absent),
        failed={one.reference: error for one, error in outcome.failed},
        moved={
            reference: lookup.moved[reference] for reference in wanted if reference in lookup.moved
        },
        attached=lookup.attached,
    )


@dataclass
class _Walked:
    """What some root led to for some platforms, whatever the names that lead to it.

    Attributes:
        turn: held by who walks.
        image: what was found; None where nobody did yet, or only some that failed.
        foreign: its layers that live elsewhere.
    """

    turn: threading.Lock = field(default_factory=threading.Lock)
    image: Image | None = None
    foreign: Sequence[Descriptor] = ()


class _Lookup:
    def __init__(self, request: Request, source: Source, progress: Progress) -> None:
        self._source, self._reuse = source, request.reuse
        self._allow_foreign = request.allow_foreign
        self._lock, self._update = request.lock, request.update
        self.bodies: dict[Digest, bytes] = {}
        self.absent: set[Digest] = set()
        self.moved: dict[Reference, Digest | None] = {}
        self._parsed = Parsed()
        self._members: set[Digest] = set()
        self._walked: dict[tuple[Descriptor, tuple[Platform, ...]], _Walked] = {}
        self._asked_for, self._with_attached = request.images, request.attached
        self.attached: dict[Reference, Sequence[Image]] = {}
        self._looks: Attached | None = None
        if request.attached and isinstance(source, Attaching):
            self._looks = Attached(source, self.bodies, progress, request.max_attached)

    def look_up(self, wanted: Wanted) -> Image:
        """Find an image, and check that the bundle still has room."""
        image = self._find(wanted)
        if self._looks and wanted.reference in self._asked_for:
            self.attached[wanted.reference] = self._looks.of(image)
            for one in self.attached[wanted.reference]:
                self._take_in(one)
        check_count(len(self._members))
        return image

    def _take_in(self, image: Image) -> None:
        self._members.update(found.digest for found in (*image.manifests, *image.blobs))

    def _find(self, wanted: Wanted) -> Image:
        """Find an image; what many names lead to is walked once."""
        reference = wanted.reference
        root, body = self._resolve(reference)
        walked = self._walked.setdefault((root, wanted.platforms or ()), _Walked())
        with walked.turn:
            if walked.image is None:
                self.bodies[root.digest] = body
                walked.image = self._walk(wanted, root)
                walked.foreign = [blob for blob in walked.image.blobs if blob.is_foreign]
                self._take_in(walked.image)
        self._check_foreign(reference, walked.foreign)
        return replace(walked.image, reference=reference)

    def _walk(self, wanted: Wanted, root: Descriptor) -> Image:
        reference = wanted.reference

        def load(descriptor: Descriptor) -> bytes:
            return self._manifest(reference, descriptor)

        def tell(child: Descriptor) -> Platform | None:
            found = self._parsed.of(child, load, reference.familiar)
            told = self._platform(reference, found) if isinstance(found, Manifest) else None
            return told if told and told.architecture else None

        choice = Choice(
            reference.familiar, wanted.platforms or (), tell, attestations=self._with_attached
        )
        image = walk(reference, root, load, choice, self._parsed)
        choice.check()
        if not image.platforms and image.images:
            only = self._platform(reference, image.images[0])
            return replace(image, platforms=(only,) if only else ())
        return image

    def _resolve(self, reference: Reference) -> tuple[Descriptor, bytes]:
        """Look a reference up, by the digest that the lock has for its tag."""
        if self._lock is None or reference.digest:
            return self._source.resolve(reference)
        locked = self._lock.get(reference)
        if locked is None and not self._update:
            raise InputError(
                f"{reference.familiar} is not in the lock", hint="--update takes it up"
            )
        now = self._now(reference)
        digest = now[0].digest if now else None
        if locked not in (None, digest):
            self.moved[reference] = digest
        if now and (self._update or digest == locked):
            return now
        return self._source.resolve(replace(reference, digest=locked))

    def _now(self, reference: Reference) -> tuple[Descriptor, bytes] | None:
        """Look up what a tag is now; None where a lock has it and it is gone."""
        try:
            return self._source.resolve(reference)
        except InputError:
            if self._update:
                raise
            return None

    def _check_foreign(self, reference: Reference, blobs: Iterable[Descriptor]) -> None:
        """Find the foreign layers that the registry does not have; their urls are not asked."""
        for blob in blobs:
            if self._source.has_blob(reference, blob):
                continue
            if not self._allow_foreign:
                raise InputError(
                    f"{reference.familiar}: its layer {blob.digest} lives outside its registry",
                    hint="--allow-foreign packs the image without it",
                )
            self.absent.add(blob.digest)

    def _manifest(self, reference: Reference, descriptor: Descriptor) -> bytes:
        body = self.bodies.get(descriptor.digest)
        if body is None:
            body = self._manifest_at_hand(descriptor) or self._source.manifest(
                reference, descriptor
            )
            self.bodies[descriptor.digest] = body
        if len(body) != descriptor.size:
            raise InputError(
                f"{reference.familiar}: its index says that {descriptor.digest} has"
                f" {descriptor.size} bytes, and it has {len(body)}",
                hint="build and push the image again, or leave it out",
            )
        return body

    def _manifest_at_hand(self, descriptor: Descriptor) -> bytes | None:
        try:
            return self._reuse.manifest_bytes(descriptor.digest) if self._reuse else None
        except InputError:
            return None

    def _platform(self, reference: Reference, manifest: Manifest) -> Platform | None:
        """Return the platform of an image that no index names: only its config tells."""
        config = manifest.config
        if config.size > _MAX_CONFIG or not manifest.is_image:
            return None
        body = self.bodies.get(config.digest)
        if body is None:
            body = small.read(self._source, self._reuse, reference, config)
        self.bodies[config.digest] = body
        what = f"{reference.familiar}: the config"
        return Platform.from_json(strictjson.load_object(body, what))


def _tell_limit(wanted: Iterable[Wanted], source: Source, progress: Progress) -> None:
    """Tell before the first pull where Docker Hub's limit is lower than what is needed."""
    origins = ((one.reference, one.origin or one.reference) for one in wanted)
    pulls = [r for r, o in origins if isinstance(o, Reference) and o.host == DEFAULT_HOST]
    if len(pulls) < _FEW_PULLS:
        return
    try:
        budget = source.remaining_pulls(pulls[0])
    except (InputError, NetworkError, TrustError):
        return  # the look-up itself will say what is wrong
    if budget is not None and budget[0] < len(pulls):
        left, window = budget
        progress.warn(
            f"Docker Hub allows {left} more pulls in {window / 3600:.0f} h and {len(pulls)} are"
            " needed: it will make this wait; docker login or a mirror (--registry-mirror) helps"
        )


def _warn_of_platform(image: Image, wanted: Sequence[Platform], progress: Progress) -> None:
    """Tell of an image without a choice that is not for all of the wanted platforms."""
    named = [platform for platform in image.platforms if platform.architecture]
    lacking = [w for w in wanted if not any(p.matches(w) for p in named)]
    if named and lacking:
        asked = ", ".join(map(str, lacking))
        progress.warn(f"{image.reference.familiar} is for {named[0]} alone, not for {asked}")
