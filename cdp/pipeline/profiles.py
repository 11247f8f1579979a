"""What the profiles add up to after a batch."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cdp.pipeline.sessions import SessionFolder, Touched
from cdp.pipeline.working import Working
from graph_schema.model.identifier import Key, seen_between
from graph_schema.model.profile import Profile
from graph_schema.model.rules import is_canonical
from graph_schema.model.tally import Tally
from graph_schema.store import Delta
from identity import fold


class Regrouped(msgspec.Struct):
    """A profile whose identifiers changed: its members now, and the profiles they came from."""

    members: list[Key]
    sources: set[str]


class ProfileFolder:
    """Merges tallies where whole profiles were joined, adds what the batch's events add, and folds
    anew from the sessions where a profile lost something: what a tally is made of cannot be taken
    out of it again."""

    def __init__(self, work: Working) -> None:
        self._work = work
        self.regrouped = self._regroup()
        self.gone = {
            source
            for group in self.regrouped.values()
            for source in group.sources
            if source not in self.regrouped
        }
        self.changed: set[str] = set()

    def _regroup(self) -> dict[str, Regrouped]:
        found: dict[str, Regrouped] = {}
        for key in self._work.regrouped:
            profile = self._work.profile_of(key)
            if profile is not None:
                group = found.setdefault(profile, Regrouped([], set()))
                group.members.append(key)
                before = self._work.profile_before.get(key)
                if before is not None:
                    group.sources.add(before)
        return found

    async def take(self, folder: SessionFolder, named: Iterable[Key]) -> None:
        """`folder`: the batch's sessions with what they add; `named`: every identifier seen."""
        await self._join()
        for session, user in folder.named:
            profile = self._work.profile_of(user)
            if profile is not None and profile not in self._work.stale:
                fold.name_user(self._work.profiles[profile].tally, session.tally, user)
                self.changed.add(profile)
        for part in folder.touched.values():
            profile = self._work.profile_of(part.session.owner)
            if profile is not None:
                self._add(profile, part)
        for key in named:
            self._stretch(key)

    async def finish(self) -> Delta:
        """Folds the stale profiles, after the sessions were written; answers what is to be written."""
        stale = sorted(self._work.stale - self.gone)
        for profile, sessions in (await self._work.batch.tallies(stale)).items():
            self._work.profiles[profile].tally = fold.of_sessions(sessions)
            self.changed.add(profile)
        return Delta(
            rec=self._work.delta.rec,
            profiles=[self._work.profiles[profile] for profile in sorted(self.changed)],
        )

    async def _join(self) -> None:
        await self._load({source for group in self.regrouped.values() for source in group.sources})
        split = self._split_sources()
        before = {
            id_: self._work.profiles[id_].tally
            for id_ in self._sources()
            if id_ in self._work.profiles
        }
        for profile, group in self.regrouped.items():
            self._work.profiles[profile] = self._profile(profile, group)
            tally = self._work.profiles[profile].tally
            for source in sorted(group.sources):
                if source in split or source in self._work.stale:
                    self._work.stale.add(profile)
                else:
                    fold.merge(tally, before[source])
            self.changed.add(profile)

    def _sources(self) -> set[str]:
        return {source for group in self.regrouped.values() for source in group.sources}

    def _split_sources(self) -> set[str]:
        """The former profiles whose identifiers are in several of today's."""
        heirs: dict[str, int] = {}
        for group in self.regrouped.values():
            for source in group.sources:
                heirs[source] = heirs.get(source, 0) + 1
        return {source for source, count in heirs.items() if count > 1}

    def _profile(self, id_: str, group: Regrouped) -> Profile:
        identifiers = [self._work.identifiers[key] for key in group.members]
        anchor = next(i.key for i in identifiers if i.id == id_)
        return Profile(id_, anchor, *seen_between(identifiers), Tally())

    def _add(self, profile: str, part: Touched) -> None:
        if profile not in self._work.stale:
            session = part.session
            tally = self._work.profiles[profile].tally
            gained = part.added if part.gained is None else part.gained
            fold.merge_session(tally, gained, session.owner or "", session.owner == session.user)
        self.changed.add(profile)

    def _stretch(self, key: Key) -> None:
        """The profile was seen when any of its identifiers was. A canonical form is seen with its
        spellings, and they may be others'."""
        identifier = self._work.identifiers[key]
        if identifier.profile is not None:
            profile = self._work.profiles[identifier.profile]
            if is_canonical(identifier.namespace) and profile.anchor != key:
                return
            profile.first_at = min(profile.first_at, identifier.first_at)
            profile.last_at = max(profile.last_at, identifier.last_at)
            self.changed.add(profile.id)

    async def _load(self, ids: set[str]) -> None:
        missing = sorted((ids | self._work.stale) - self._work.profiles.keys())
        for profile in await self._work.batch.profiles(missing):
            if profile is not None:
                self._work.profiles[profile.id] = profile
