"""lookup: from references to images, by their manifests alone."""

from collections.abc import Iterable, Sequence
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
from airgap.progress import Progress
from airgap.transfer.ports import Source, Store
from airgap.transfer.stop import Stop
from airgap.transfer.workers import each

_PARALLEL = 8  # manifests are small: latency is what counts
_MAX_CONFIG = 4 << 20
_FEW_PULLS = 10  # so few that asking for the limit costs more than it tells
_ATTEMPTS = 2


@dataclass
class Found:
    """What a look-up found.

    Attributes:
        images: an image for each reference that was found, in the order asked for.
        bodies: the exact bytes of all manifests, and of the configs that had to be read.
        absent: foreign layers that the registries do not have, and that are not carried.
        failed: why the others were not.
    """

    images: dict[Reference, Image] = field(default_factory=dict)
    bodies: dict[Digest, bytes] = field(default_factory=dict)
    failed: dict[Reference, AirgapError] = field(default_factory=dict)
    absent: set[Digest] = field(default_factory=set)


def look_up(
    references: Sequence[Reference],
    platforms: Sequence[Platform],
    source: Source,
    reuse: Store | None,
    progress: Progress,
    *,
    allow_foreign: bool = False,
) -> Found:
    """Look references up, several at a time.

    Args:
        references: what to look up.
        platforms: what to take of an index, in the order of preference; empty takes all.
        source: where to look.
        reuse: content at hand that need not be fetched.
        progress: is told what was found.
        allow_foreign: go without foreign layers that a registry does not have.

    Raises:
        InputError: two references give one name and tag to different images.
        TooLarge: one bundle has no room for what was found so far; nothing more is looked up.
    """
    _tell_limit(references, source, progress)
    lookup = _Lookup(source, reuse, platforms, allow_foreign=allow_foreign)
    stop = Stop()
    stop.then(source.stop)
    outcome = each(lookup.look_up, references, stop, most=_PARALLEL)
    lookup.found.failed.update(outcome.failed)
    for reference, image in outcome.done:
        lookup.found.images[reference] = image
        progress.detail(f"{reference.familiar} is {image.root.digest}")
        _warn_of_platform(image, platforms, progress)
    _refuse_conflicts(lookup.found.images.values())
    return lookup.found


class _Lookup:
    def __init__(
        self,
        source: Source,
        reuse: Store | None,
        platforms: Sequence[Platform],
        *,
        allow_foreign: bool,
    ) -> None:
        self._source, self._reuse, self._platforms = source, reuse, platforms
        self._allow_foreign = allow_foreign
        self.found = Found()
        self._parsed = Parsed()
        self._members: set[Digest] = set()

    def look_up(self, reference: Reference) -> Image:
        """Find an image, and check that the bundle still has room."""
        image = self._find(reference)
        self._members.update(found.digest for found in (*image.manifests, *image.blobs))
        check_count(len(self._members))
        return image

    def _find(self, reference: Reference) -> Image:
        root, body = self._source.resolve(reference)
        self.found.bodies[root.digest] = body

        def load(descriptor: Descriptor) -> bytes:
            return self._manifest(reference, descriptor)

        def tell(child: Descriptor) -> Platform | None:
            found = self._parsed.of(child, load, reference.familiar)
            told = self._platform(reference, found) if isinstance(found, Manifest) else None
            return told if told and told.architecture else None

        choice = Choice(reference.familiar, self._platforms, tell)
        image = walk(reference, root, load, choice, self._parsed)
        choice.check()
        self._check_foreign(image)
        if not image.platforms and image.images:
            only = self._platform(reference, image.images[0])
            return replace(image, platforms=(only,) if only else ())
        return image

    def _check_foreign(self, image: Image) -> None:
        """Find the foreign layers that the registry does not have; their urls are not asked."""
        for blob in image.blobs:
            if not blob.is_foreign or self._source.has_blob(image.reference, blob):
                continue
            if not self._allow_foreign:
                raise InputError(
                    f"{image.reference.familiar}: its layer {blob.digest} lives outside"
                    " its registry",
                    hint="--allow-foreign packs the image without it",
                )
            self.found.absent.add(blob.digest)

    def _manifest(self, reference: Reference, descriptor: Descriptor) -> bytes:
        bodies = self.found.bodies
        if descriptor.digest not in bodies:
            at_hand = self._manifest_at_hand(descriptor)
            bodies[descriptor.digest] = at_hand or self._source.manifest(reference, descriptor)
        return bodies[descriptor.digest]

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
        body = self.found.bodies.get(config.digest) or self._config(reference, config)
        self.found.bodies[config.digest] = body
        what = f"{reference.familiar}: the config"
        return Platform.from_json(strictjson.load_object(body, what))

    def _config(self, reference: Reference, config: Descriptor) -> bytes:
        at_hand = self._blob_at_hand(config)
        if at_hand is not None:
            return at_hand
        for _ in range(_ATTEMPTS):
            content = bytearray()
            self._source.fetch(reference, config, content.extend)
            body = bytes(content)
            if Digest.of(body) == config.digest:
                return body
        raise NetworkError(
            f"{reference.familiar}: what was received is not {config.digest}",
            hint="something on the way alters content: try without the proxy or mirror",
        )

    def _blob_at_hand(self, blob: Descriptor) -> bytes | None:
        try:
            return b"".join(map(bytes, self._reuse.chunks(blob))) if self._reuse else None
        except InputError:
            return None


def _tell_limit(references: Sequence[Reference], source: Source, progress: Progress) -> None:
    """Tell before the first pull where Docker Hub's limit is lower than what is needed."""
    pulls = [reference for reference in references if reference.host == DEFAULT_HOST]
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


def _refuse_conflicts(images: Iterable[Image]) -> None:
    """Refuse two contents for one tag: only one of them could land under it."""
    landed: dict[tuple[str, str], Image] = {}
    for image in images:
        reference = image.reference
        other = landed.setdefault((reference.name, reference.tag), image)
        if reference.tag and other.root.digest != image.root.digest:
            raise InputError(
                f"{other.reference.familiar} and {reference.familiar} are different images"
                " with one name and tag",
                hint="keep one of them, or drop the tag of the one with a digest",
            )
