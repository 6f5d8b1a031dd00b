//! All SQL on sessions, tracks, epochs, parts, records, marks and accesses.

use super::chain::Head;
use super::rules::{Container, Keeping, Session, Source, Track, TrackFact};
use crate::account::rules::Person;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::project::rules::Lot;
use diesel::prelude::*;

mod parts;
mod records;
mod tables;
mod viewing;
pub(crate) use parts::{all_hashes, held_parts, in_use, part_hash, spent_parts};
pub(super) use parts::{forget_part, insert_part};
pub(crate) use records::media_hashes;
pub(super) use records::{NewRecord, insert_record};
pub use records::{entries, extent, gaps, records, segment_hash};
use tables::{recording_epoch, recording_session, recording_track};
pub use viewing::{accesses, marks, watched_lately};
pub(super) use viewing::{insert_access, insert_mark};

/// One session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    pub id: Id<Session>,
    pub lot: Id<Lot>,
    /// `evaluation` or `opening`.
    pub purpose: String,
    pub opened_at: Moment,
    pub retention_days: i64,
    /// No new start of a recorder from here on; what browsers still hold is awaited for a while.
    pub closed_at: Option<Moment>,
    pub sealed_at: Option<Moment>,
    pub hold_at: Option<Moment>,
    pub hold_reason: Option<String>,
    pub media_deleted_at: Option<Moment>,
}

impl SessionRow {
    /// What the keeping rules need to know.
    pub fn keeping(&self) -> Keeping {
        Keeping { sealed_at: self.sealed_at, days: self.retention_days, legal_hold: self.hold_at.is_some() }
    }
}

/// One track as it is kept. The person is known by a keyed tag only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackRow {
    pub id: Id<Track>,
    pub session: Id<Session>,
    pub seat: u32,
    pub source: Source,
    pub required: bool,
    pub person_tag: String,
    pub person_sealed: Vec<u8>,
    pub next_number: u64,
    pub leaf: [u8; 32],
    /// When a record of this track was last entered in the public log.
    pub logged_at: Moment,
    pub last_received_at: Option<Moment>,
    pub stopped_at: Option<Moment>,
    pub stopped_reason: Option<String>,
}

impl TrackRow {
    /// Where the chain stands.
    pub fn head(&self) -> Head {
        let (session, track) = (self.session.to_string(), self.id.to_string());
        Head { session, track, next: self.next_number, leaf: self.leaf }
    }

    /// What the verdict needs to know.
    pub fn fact(&self) -> TrackFact {
        TrackFact {
            track: self.id,
            seat: self.seat,
            source: self.source,
            required: self.required,
            last_received: self.last_received_at,
            stopped: self.stopped_at.is_some(),
        }
    }

    /// Whether this is a track of that person.
    pub fn is_of(&self, vault: &Vault, person: Id<Person>) -> bool {
        self.person_tag == person_tag(vault, self.session, person)
    }

    /// Who it is; only for those who may know.
    ///
    /// # Errors
    /// The row was altered.
    pub fn person(&self, vault: &Vault) -> Result<Id<Person>, Fault> {
        let bytes = vault.open(PERSON, &self.person_sealed)?;
        let text = String::from_utf8(bytes)?;
        Id::parse(&text).ok_or_else(|| Fault::new("a damaged person in a recording track"))
    }
}

/// The purpose under which persons are sealed and tagged.
pub(super) const PERSON: &str = "recording/person";

/// The column by which a person's tracks are found.
pub(super) fn person_tag(vault: &Vault, session: Id<Session>, person: Id<Person>) -> String {
    vault.tag(PERSON, &[session.to_string().as_bytes(), person.to_string().as_bytes()])
}

/// One start of a recorder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochRow {
    pub epoch: u64,
    pub container: Container,
    pub began_at: Moment,
    /// Lowest part number that has not arrived.
    pub next_part: u64,
    /// Where cutting goes on: part and offset in it.
    pub cursor_part: u64,
    pub cursor_offset: u64,
    /// Number of the next segment; 0 until the init section is known.
    pub next_seq: u64,
    pub init_sha256: Option<[u8; 32]>,
    pub timescale: u32,
    pub codecs: String,
    /// WebM only: the head, and the number of the picture track.
    pub head_sha256: Option<[u8; 32]>,
    pub picture_track: Option<u64>,
    /// Of the last segment, in ticks.
    pub last_tfdt: u64,
    pub last_dur: u64,
    pub closed_at: Option<Moment>,
    pub version: i64,
}

impl EpochRow {
    /// Server time at which the last segment ends.
    pub fn ends_at(&self) -> Moment {
        self.began_at
            .plus(super::playlist::micros(self.last_tfdt.saturating_add(self.last_dur), self.timescale))
    }
}

/// Something else that happened while the recording ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkRow {
    pub at: Moment,
    /// Locale key.
    pub sentence: String,
    /// What stands in its place `%{what}`.
    pub what: String,
}

/// Who watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRow {
    pub person: Id<Person>,
    pub track: Option<Id<Track>>,
    /// `live` or `playback`.
    pub way: String,
    pub at: Moment,
}

pub(super) fn signed(value: u64) -> Result<i64, Fault> {
    Ok(i64::try_from(value)?)
}

pub(super) fn unsigned(value: i64) -> Result<u64, Fault> {
    Ok(u64::try_from(value)?)
}

fn hash(bytes: &[u8]) -> Result<[u8; 32], Fault> {
    bytes.try_into().map_err(|_| Fault::new("a damaged hash in the database"))
}

fn id<T>(text: &str) -> Result<Id<T>, Fault> {
    Id::parse(text).ok_or_else(|| Fault::new("a damaged id in the database"))
}

fn moment(value: Option<i64>) -> Option<Moment> {
    value.map(Moment::from_micros)
}

impl TryFrom<tables::SessionColumns> for SessionRow {
    type Error = Fault;

    fn try_from(c: tables::SessionColumns) -> Result<Self, Fault> {
        Ok(Self {
            id: id(&c.id)?,
            lot: id(&c.lot_id)?,
            purpose: c.purpose,
            opened_at: Moment::from_micros(c.opened_at),
            retention_days: c.retention_days,
            closed_at: moment(c.closed_at),
            sealed_at: moment(c.sealed_at),
            hold_at: moment(c.hold_at),
            hold_reason: c.hold_reason,
            media_deleted_at: moment(c.media_deleted_at),
        })
    }
}

impl TryFrom<tables::TrackColumns> for TrackRow {
    type Error = Fault;

    fn try_from(c: tables::TrackColumns) -> Result<Self, Fault> {
        let source =
            Source::from_code(&c.source).ok_or_else(|| Fault::new("an unknown source in the database"))?;
        Ok(Self {
            id: id(&c.id)?,
            session: id(&c.session_id)?,
            seat: u32::try_from(c.seat)?,
            source,
            required: c.required,
            person_tag: c.person_tag,
            person_sealed: c.person_sealed,
            next_number: unsigned(c.next_number)?,
            leaf: hash(&c.leaf)?,
            logged_at: Moment::from_micros(c.logged_at),
            last_received_at: moment(c.last_received_at),
            stopped_at: moment(c.stopped_at),
            stopped_reason: c.stopped_reason,
        })
    }
}

impl TryFrom<tables::EpochColumns> for EpochRow {
    type Error = Fault;

    fn try_from(c: tables::EpochColumns) -> Result<Self, Fault> {
        let container =
            Container::from_code(&c.container).ok_or_else(|| Fault::new("an unknown container"))?;
        Ok(Self {
            epoch: unsigned(c.epoch)?,
            container,
            began_at: Moment::from_micros(c.began_at),
            next_part: unsigned(c.next_part)?,
            cursor_part: unsigned(c.cursor_part)?,
            cursor_offset: unsigned(c.cursor_offset)?,
            next_seq: unsigned(c.next_seq)?,
            init_sha256: c.init_sha256.as_deref().map(hash).transpose()?,
            timescale: u32::try_from(c.timescale)?,
            codecs: c.codecs,
            head_sha256: c.head_sha256.as_deref().map(hash).transpose()?,
            picture_track: c.picture_track.map(unsigned).transpose()?,
            last_tfdt: unsigned(c.last_tfdt)?,
            last_dur: unsigned(c.last_dur)?,
            closed_at: moment(c.closed_at),
            version: c.version,
        })
    }
}

/// One session.
pub fn session(db: &mut Db, session: Id<Session>) -> Result<Option<SessionRow>, Fault> {
    let found: Option<tables::SessionColumns> = recording_session::table
        .filter(recording_session::id.eq(session.to_string()))
        .first(db)
        .optional()?;
    found.map(SessionRow::try_from).transpose()
}

/// All sessions of a lot, oldest first.
pub fn sessions_of(db: &mut Db, lot: Id<Lot>) -> Result<Vec<SessionRow>, Fault> {
    let found: Vec<tables::SessionColumns> = recording_session::table
        .filter(recording_session::lot_id.eq(lot.to_string()))
        .order(recording_session::opened_at)
        .load(db)?;
    found.into_iter().map(SessionRow::try_from).collect()
}

/// The session of a lot that is open for recording, if there is one.
pub fn open_session_of(db: &mut Db, lot: Id<Lot>, purpose: &str) -> Result<Option<SessionRow>, Fault> {
    let found: Option<tables::SessionColumns> = recording_session::table
        .filter(recording_session::lot_id.eq(lot.to_string()))
        .filter(recording_session::purpose.eq(purpose))
        .filter(recording_session::closed_at.is_null())
        .order(recording_session::opened_at.desc())
        .first(db)
        .optional()?;
    found.map(SessionRow::try_from).transpose()
}

/// The newest sessions, for the list; `skip` for further pages.
pub fn newest_sessions(db: &mut Db, skip: i64, most: i64) -> Result<Vec<SessionRow>, Fault> {
    let found: Vec<tables::SessionColumns> = recording_session::table
        .order((recording_session::opened_at.desc(), recording_session::id))
        .offset(skip)
        .limit(most)
        .load(db)?;
    found.into_iter().map(SessionRow::try_from).collect()
}

/// Sessions that are open for recording, oldest first.
pub(crate) fn open_sessions(db: &mut Db) -> Result<Vec<SessionRow>, Fault> {
    let found: Vec<tables::SessionColumns> = recording_session::table
        .filter(recording_session::closed_at.is_null())
        .order(recording_session::opened_at)
        .limit(1_000)
        .load(db)?;
    found.into_iter().map(SessionRow::try_from).collect()
}

/// Sessions that were closed and wait to be sealed.
pub(crate) fn sessions_to_seal(db: &mut Db) -> Result<Vec<SessionRow>, Fault> {
    let found: Vec<tables::SessionColumns> = recording_session::table
        .filter(recording_session::closed_at.is_not_null())
        .filter(recording_session::sealed_at.is_null())
        .limit(200)
        .load(db)?;
    found.into_iter().map(SessionRow::try_from).collect()
}

/// Sealed sessions whose media are still there, oldest first, from `sealed_before` on.
pub(crate) fn sessions_with_old_media(db: &mut Db, sealed_before: Moment) -> Result<Vec<SessionRow>, Fault> {
    let found: Vec<tables::SessionColumns> = recording_session::table
        .filter(recording_session::sealed_at.le(sealed_before.micros()))
        .filter(recording_session::media_deleted_at.is_null())
        .order(recording_session::sealed_at)
        .limit(200)
        .load(db)?;
    found.into_iter().map(SessionRow::try_from).collect()
}

pub(super) fn insert_session(db: &mut Db, row: &SessionRow) -> Result<(), Fault> {
    diesel::insert_into(recording_session::table)
        .values((
            recording_session::id.eq(row.id.to_string()),
            recording_session::lot_id.eq(row.lot.to_string()),
            recording_session::purpose.eq(&row.purpose),
            recording_session::opened_at.eq(row.opened_at.micros()),
            recording_session::retention_days.eq(row.retention_days),
        ))
        .execute(db)?;
    Ok(())
}

/// Writes the columns of a session that may change.
pub(super) fn update_session(db: &mut Db, row: &SessionRow) -> Result<(), Fault> {
    diesel::update(recording_session::table.filter(recording_session::id.eq(row.id.to_string())))
        .set((
            recording_session::closed_at.eq(row.closed_at.map(Moment::micros)),
            recording_session::sealed_at.eq(row.sealed_at.map(Moment::micros)),
            recording_session::hold_at.eq(row.hold_at.map(Moment::micros)),
            recording_session::hold_reason.eq(&row.hold_reason),
            recording_session::media_deleted_at.eq(row.media_deleted_at.map(Moment::micros)),
        ))
        .execute(db)?;
    Ok(())
}

/// One track.
pub fn track(db: &mut Db, track: Id<Track>) -> Result<Option<TrackRow>, Fault> {
    let found: Option<tables::TrackColumns> =
        recording_track::table.filter(recording_track::id.eq(track.to_string())).first(db).optional()?;
    found.map(TrackRow::try_from).transpose()
}

/// The tracks of a session, by seat and source.
pub fn tracks(db: &mut Db, session: Id<Session>) -> Result<Vec<TrackRow>, Fault> {
    let found: Vec<tables::TrackColumns> = recording_track::table
        .filter(recording_track::session_id.eq(session.to_string()))
        .order((recording_track::seat, recording_track::source))
        .load(db)?;
    found.into_iter().map(TrackRow::try_from).collect()
}

pub(super) fn insert_track(db: &mut Db, row: &TrackRow) -> Result<(), Fault> {
    diesel::insert_into(recording_track::table)
        .values((
            recording_track::id.eq(row.id.to_string()),
            recording_track::session_id.eq(row.session.to_string()),
            recording_track::seat.eq(i32::try_from(row.seat)?),
            recording_track::source.eq(row.source.code()),
            recording_track::required.eq(row.required),
            recording_track::person_tag.eq(&row.person_tag),
            recording_track::person_sealed.eq(&row.person_sealed),
            recording_track::next_number.eq(signed(row.next_number)?),
            recording_track::leaf.eq(row.leaf.as_slice()),
            recording_track::logged_at.eq(row.logged_at.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// Writes the columns of a track that may change.
pub(super) fn update_track(db: &mut Db, row: &TrackRow) -> Result<(), Fault> {
    diesel::update(recording_track::table.filter(recording_track::id.eq(row.id.to_string())))
        .set((
            recording_track::required.eq(row.required),
            recording_track::next_number.eq(signed(row.next_number)?),
            recording_track::leaf.eq(row.leaf.as_slice()),
            recording_track::logged_at.eq(row.logged_at.micros()),
            recording_track::last_received_at.eq(row.last_received_at.map(Moment::micros)),
            recording_track::stopped_at.eq(row.stopped_at.map(Moment::micros)),
            recording_track::stopped_reason.eq(&row.stopped_reason),
        ))
        .execute(db)?;
    Ok(())
}

/// The epoch of a track with the highest number.
pub fn latest_epoch(db: &mut Db, track: Id<Track>) -> Result<Option<EpochRow>, Fault> {
    let found: Option<tables::EpochColumns> = recording_epoch::table
        .filter(recording_epoch::track_id.eq(track.to_string()))
        .order(recording_epoch::epoch.desc())
        .first(db)
        .optional()?;
    found.map(EpochRow::try_from).transpose()
}

/// All epochs of a track, in order.
pub fn epochs(db: &mut Db, track: Id<Track>) -> Result<Vec<EpochRow>, Fault> {
    let found: Vec<tables::EpochColumns> = recording_epoch::table
        .filter(recording_epoch::track_id.eq(track.to_string()))
        .order(recording_epoch::epoch)
        .load(db)?;
    found.into_iter().map(EpochRow::try_from).collect()
}

pub(super) fn insert_epoch(db: &mut Db, track: Id<Track>, row: &EpochRow) -> Result<(), Fault> {
    diesel::insert_into(recording_epoch::table)
        .values((
            recording_epoch::track_id.eq(track.to_string()),
            recording_epoch::epoch.eq(signed(row.epoch)?),
            recording_epoch::container.eq(row.container.code()),
            recording_epoch::began_at.eq(row.began_at.micros()),
            recording_epoch::next_part.eq(signed(row.next_part)?),
            recording_epoch::cursor_part.eq(signed(row.cursor_part)?),
            recording_epoch::cursor_offset.eq(signed(row.cursor_offset)?),
            recording_epoch::next_seq.eq(signed(row.next_seq)?),
            recording_epoch::timescale.eq(i64::from(row.timescale)),
            recording_epoch::codecs.eq(&row.codecs),
            recording_epoch::last_tfdt.eq(signed(row.last_tfdt)?),
            recording_epoch::last_dur.eq(signed(row.last_dur)?),
            recording_epoch::version.eq(row.version),
        ))
        .execute(db)?;
    Ok(())
}

/// Writes an epoch that was read at version `row.version`, and raises the version. `false`: somebody else was quicker.
pub(super) fn update_epoch(db: &mut Db, track: Id<Track>, row: &EpochRow) -> Result<bool, Fault> {
    let target = recording_epoch::table
        .filter(recording_epoch::track_id.eq(track.to_string()))
        .filter(recording_epoch::epoch.eq(signed(row.epoch)?))
        .filter(recording_epoch::version.eq(row.version));
    let changed = diesel::update(target)
        .set((
            recording_epoch::next_part.eq(signed(row.next_part)?),
            recording_epoch::cursor_part.eq(signed(row.cursor_part)?),
            recording_epoch::cursor_offset.eq(signed(row.cursor_offset)?),
            recording_epoch::next_seq.eq(signed(row.next_seq)?),
            recording_epoch::init_sha256.eq(row.init_sha256.map(|h| h.to_vec())),
            recording_epoch::timescale.eq(i64::from(row.timescale)),
            recording_epoch::codecs.eq(&row.codecs),
            recording_epoch::head_sha256.eq(row.head_sha256.map(|h| h.to_vec())),
            recording_epoch::picture_track.eq(row.picture_track.map(signed).transpose()?),
            recording_epoch::last_tfdt.eq(signed(row.last_tfdt)?),
            recording_epoch::last_dur.eq(signed(row.last_dur)?),
            recording_epoch::closed_at.eq(row.closed_at.map(Moment::micros)),
            recording_epoch::version.eq(row.version + 1),
        ))
        .execute(db)?;
    Ok(changed == 1)
}
