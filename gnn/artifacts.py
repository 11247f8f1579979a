"""Fitted models on disk: arrays and JSON, kept by version, swapped atomically.

    FOLDER/active                    the id of the version in service
    FOLDER/canary.json               a candidate, and the share of profiles that it serves
    FOLDER/watch.json                what became of the version in service since it was trained
    FOLDER/versions/ID/version.json  RecommenderVersion, and the SHA-256 of each file beside it
    FOLDER/versions/ID/*.npy         item lists, popularity, categories
    FOLDER/versions/ID/items.json    ids and names, in the order of the arrays
    FOLDER/versions/ID/segments.json keys of segments, in the order of `segments.starts`

Nothing is ever unpickled. A version is written into a hidden folder and appears by one rename; the
one in service changes by replacing one small file. So a kill at any moment leaves the old state or
the new one. Arrays are mapped, not read: processes that serve the same version share its memory.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from gnn.arrays import Micros
from gnn.canary import Canary, InService
from gnn.dataset import ids_hash
from gnn.errors import (
    ArtifactDamaged,
    BadRequest,
    NoActiveVersion,
    UnknownVersion,
    VersionActive,
    VersionExists,
)
from gnn.evaluate import Metric
from gnn.item_lists import ItemLists
from gnn.recommend import Catalogue, ServingModel
from gnn.segments import SegmentPopularity
from gnn.watch import Watch
from gnn.weights import BehaviourWeights
from graph_schema.model import time

ARRAYS = {
    "lists.starts": np.int64,
    "lists.items": np.int32,
    "lists.weights": np.float32,
    "attributes.starts": np.int64,
    "attributes.items": np.int32,
    "attributes.weights": np.float32,
    "categories": np.int32,
    "popularity": np.float32,
    "segments.starts": np.int64,
    "segments.items": np.int32,
    "segments.shares": np.float32,
}


class RecommenderVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a trained model. Times in µs; `items`, `users` and `interactions` (pairs)
    are those it was trained on; `item_hash` is that of the ids in their order. `reasons`: why this
    model, a sentence each; `history`: figures such as loss and recall@20 of each epoch."""

    id: str
    name: str
    model: str
    trained_at: Micros
    data_cutoff: Micros
    items: int
    users: int
    interactions: int
    metrics: tuple[Metric, ...]
    parameters: dict[str, Any]
    graph_hash: str
    item_hash: str
    code_version: str
    reasons: tuple[str, ...] = ()
    history: tuple[dict[str, float], ...] = ()


class _Manifest(msgspec.Struct, frozen=True, kw_only=True):
    version: RecommenderVersion
    weights: BehaviourWeights
    files: dict[str, str]


class _Segments(msgspec.Struct, frozen=True, kw_only=True):
    keys: tuple[str, ...]


class _Items(msgspec.Struct, frozen=True, kw_only=True):
    ids: tuple[str, ...]
    names: tuple[str | None, ...]


def new_id() -> str:
    """A version's id that was never given before."""
    return f"r_{secrets.token_hex(8)}"


class ArtifactStore:
    """The versions in one folder. A version is named by its `name` or its `id`.

    Writers are rare and may be several processes: every change is one rename.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._versions = folder / "versions"
        self._pointer = folder / "active"
        self._canary = folder / "canary.json"
        self._watch = folder / "watch.json"

    def save(self, version: RecommenderVersion, model: ServingModel) -> None:
        """Stores a version; it is not in service yet. Errors: VersionExists."""
        if any(version.name in (v.name, v.id) or version.id == v.id for v in self.versions()):
            raise VersionExists(name=version.name)
        self._versions.mkdir(parents=True, exist_ok=True)
        staged = self._versions / f".{version.id}.{secrets.token_hex(4)}"
        staged.mkdir()
        try:
            _write(staged, version, model)
            staged.rename(self._versions / version.id)
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def versions(self) -> list[RecommenderVersion]:
        """All versions that can be listed, the newest first; one whose description is damaged is
        left out."""
        found = []
        for path in self._versions.glob("[!.]*/version.json"):
            try:
                found.append(_manifest(path.parent).version)
            except ArtifactDamaged:
                continue
        return sorted(found, key=lambda version: (version.trained_at, version.id), reverse=True)

    def find(self, name: str) -> RecommenderVersion:
        """The version of that name or id. Errors: UnknownVersion."""
        versions = self.versions()
        for version in versions:
            if name in (version.id, version.name):
                return version
        raise UnknownVersion(name=name, known=", ".join(v.name for v in versions) or "none")

    def load(self, name: str) -> ServingModel:
        """The model of a version, every file compared with its hash.

        Errors: UnknownVersion, ArtifactDamaged.
        """
        return _read(self._versions / self.find(name).id)

    def active_id(self) -> str | None:
        """The id of the version in service; cheap, to be asked again and again for a hot swap."""
        try:
            return self._pointer.read_text().strip() or None
        except FileNotFoundError:
            return None

    def in_service(self) -> InService:
        """What answers for whom; cheap like `active_id`. A canary whose record cannot be read takes
        nobody."""
        try:
            canary = msgspec.json.decode(self._canary.read_bytes(), type=Canary)
        except (FileNotFoundError, msgspec.MsgspecError):
            canary = None
        active = self.active_id()
        if canary is not None and canary.version == active:
            canary = None
        return InService(active=active, canary=canary)

    def active(self) -> tuple[RecommenderVersion, ServingModel]:
        """The version in service, loaded. Errors: NoActiveVersion, UnknownVersion,
        ArtifactDamaged."""
        name = self.active_id()
        if name is None:
            raise NoActiveVersion()
        return self.find(name), self.load(name)

    def activate(self, name: str) -> ServingModel:
        """Puts a version in service, also an older one again; gives the loaded model.

        It is loaded first: where it is damaged, the one in service stays.
        Errors: UnknownVersion, ArtifactDamaged.
        """
        version = self.find(name)
        model = self.load(version.id)
        canary = self.in_service().canary
        self._replace(self._pointer, version.id.encode())
        if canary is not None and canary.version == version.id:
            self.end_canary()
        return model

    def try_on(self, name: str, share: float) -> Canary:
        """Lets a version serve a `share` (above 0, below 1) of the profiles beside the one in service.

        It is loaded first. Errors: UnknownVersion, ArtifactDamaged; NoActiveVersion; VersionActive
        where it serves everybody; BadRequest for another share.
        """
        if not 0.0 < share < 1.0:
            raise BadRequest(reason="the share of a canary lies between 0 and 1")
        version = self.find(name)
        active = self.active_id()
        if active is None:
            raise NoActiveVersion()
        if version.id == active:
            raise VersionActive(name=version.name)
        self.load(version.id)
        canary = Canary(version=version.id, share=share, since=time.now())
        self._replace(self._canary, msgspec.json.encode(canary))
        return canary

    def end_canary(self) -> None:
        """From now on the version in service serves everybody."""
        self._canary.unlink(missing_ok=True)

    def keep_watch(self, watch: Watch) -> None:
        """Stores what was measured, in the place of what was."""
        self._replace(self._watch, msgspec.json.encode(watch))

    def watched(self) -> Watch | None:
        """What was measured last; None where nothing was, or where it cannot be read."""
        try:
            return msgspec.json.decode(self._watch.read_bytes(), type=Watch)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def remove(self, name: str) -> None:
        """Deletes a version. Errors: UnknownVersion; VersionActive for one that serves anybody."""
        version = self.find(name)
        if self.in_service().share(version.id) > 0:
            raise VersionActive(name=version.name)
        hidden = self._versions / f".{version.id}.{secrets.token_hex(4)}"
        (self._versions / version.id).rename(hidden)
        shutil.rmtree(hidden)

    def _replace(self, path: Path, content: bytes) -> None:
        """Puts a small file there in one step, so that a reader sees the old one or the new one."""
        staged = self.folder / f".{path.name}.{secrets.token_hex(4)}"
        with staged.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)


def _write(folder: Path, version: RecommenderVersion, model: ServingModel) -> None:
    for name, array in _arrays_of(model).items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    items = _Items(ids=model.catalogue.ids, names=model.catalogue.names)
    (folder / "items.json").write_bytes(msgspec.json.encode(items))
    segments = _Segments(keys=model.segments.keys)
    (folder / "segments.json").write_bytes(msgspec.json.encode(segments))
    hashes = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
    manifest = _Manifest(version=version, weights=model.weights, files=hashes)
    (folder / "version.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    for path in folder.iterdir():
        _flush(path)


def _arrays_of(model: ServingModel) -> dict[str, npt.NDArray[Any]]:
    return dict(
        zip(
            ARRAYS,
            (
                *model.lists,
                *model.by_attributes,
                model.catalogue.categories,
                model.catalogue.popularity,
                *model.segments[1:],
            ),
            strict=True,
        )
    )


def _read(folder: Path) -> ServingModel:
    manifest = _manifest(folder)
    name = manifest.version.name
    wanted = {"items.json", "segments.json", *(f"{key}.npy" for key in ARRAYS)}
    if set(manifest.files) != wanted:
        raise ArtifactDamaged(name=name, reason="its list of files is not that of a version")
    for file, digest in manifest.files.items():
        if not (folder / file).is_file():
            raise ArtifactDamaged(name=name, reason=f"{file} is missing")
        if _sha256(folder / file) != digest:
            raise ArtifactDamaged(name=name, reason=f"{file} was changed after it was written")
    try:
        items = msgspec.json.decode((folder / "items.json").read_bytes(), type=_Items)
        segments = msgspec.json.decode((folder / "segments.json").read_bytes(), type=_Segments)
        arrays = {key: _array(folder, key) for key in ARRAYS}
    except (ValueError, msgspec.MsgspecError) as error:
        raise ArtifactDamaged(name=name, reason=str(error)) from error
    model = ServingModel(
        Catalogue(items.ids, items.names, arrays["categories"], arrays["popularity"]),
        ItemLists(*(arrays[f"lists.{part}"] for part in ItemLists._fields)),
        ItemLists(*(arrays[f"attributes.{part}"] for part in ItemLists._fields)),
        manifest.weights,
        SegmentPopularity(
            segments.keys,
            *(arrays[f"segments.{part}"] for part in SegmentPopularity._fields[1:]),
        ),
    )
    for fault in _faults(model, manifest.version):
        raise ArtifactDamaged(name=name, reason=fault)
    return model


def _array(folder: Path, name: str) -> npt.NDArray[Any]:
    path = folder / f"{name}.npy"
    array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype != ARRAYS[name] or array.ndim != 1:
        raise ValueError(f"{path.name} has another type or shape")
    return array


def _faults(model: ServingModel, version: RecommenderVersion) -> Iterator[str]:
    size = len(model.item_ids)
    if ids_hash(model.item_ids) != version.item_hash or len(model.catalogue.names) != size:
        yield "its items are not those that it was trained on"
    for lists in (model.lists, model.by_attributes):
        if fault := lists.fault():
            yield fault
        elif lists.size != size:
            yield "its lists are not those of its items"
    if fault := model.segments.fault(size):
        yield fault
    if not model.catalogue.categories.size == model.catalogue.popularity.size == size:
        yield "categories or popularity are not those of its items"


def _manifest(folder: Path) -> _Manifest:
    try:
        return msgspec.json.decode((folder / "version.json").read_bytes(), type=_Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise ArtifactDamaged(name=folder.name, reason=str(error)) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
