//! What is done here: open and close a session, mark events, order a hold, watch. Receiving parts and sealing have files
//! of their own, because they touch files as well as rows.

mod attendance;
mod ingest;
mod sealing;

pub use attendance::{attend, dismiss, mark_of, standing_of};
pub use ingest::{Incoming, Received, receive, stopped};
pub use sealing::{close_due, delete_media, finish};

use super::chain::{Head, Record, What};
use super::rules::{
    GRACE, Keeping, RETENTION_DAYS_MIN, Refusal, SEATS_MAX, Session, Source, Standing, Track, standing,
};
use super::store::{self, AccessRow, MarkRow, NewRecord, SessionRow, TrackRow};
use crate::account::rules::Person;
use crate::account::who::Who;
use crate::ledger::{Act, Actor, Event, Subject};
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::{Moment, SECOND};
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::project::rules::Lot;
use serde::Serialize;

/// How often at least a running track's newest leaf is entered in the public log, in microseconds.
pub const LOGGED_EVERY: i64 = 30 * SECOND;

/// A record of a chain in the log. The logged object is the record itself.
struct Recorded<'a>(&'a Record);

impl Serialize for Recorded<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Event for Recorded<'_> {
    const KIND: &'static str = "recording.record";
    const NUMBER: u8 = 110;

    fn object(&self, _: Moment, _: &Actor) -> Vec<u8> {
        self.0.canonical()
    }
}

#[derive(Serialize)]
struct Opened<'a> {
    session: Id<Session>,
    lot: Id<Lot>,
    purpose: &'a str,
    tracks: Vec<Id<Track>>,
}

impl Event for Opened<'_> {
    const KIND: &'static str = "recording.session_opened";
    const NUMBER: u8 = 111;
}

#[derive(Serialize)]
struct Closed {
    session: Id<Session>,
}

impl Event for Closed {
    const KIND: &'static str = "recording.session_closed";
    const NUMBER: u8 = 112;
}

#[derive(Serialize)]
struct HoldChanged {
    session: Id<Session>,
    held: bool,
    reason: String,
}

impl Event for HoldChanged {
    const KIND: &'static str = "recording.hold_changed";
    const NUMBER: u8 = 115;
}

#[derive(Serialize)]
struct Watched {
    session: Id<Session>,
    track: Option<Id<Track>>,
    way: &'static str,
}

impl Event for Watched {
    const KIND: &'static str = "recording.watched";
    const NUMBER: u8 = 116;
}

/// A session to be opened.
pub struct NewSession<'a> {
    pub lot: Id<Lot>,
    /// `evaluation` or `opening`.
    pub purpose: &'a str,
    /// Who is recorded; seats are numbered from 1 in this order.
    pub persons: &'a [Id<Person>],
    /// What is recorded of each; all of it is required.
    pub sources: &'a [Source],
    /// Days that the rulebook demands the media to be kept after sealing; the floor of 90 holds in any case.
    pub retention_days: i64,
}

/// Opens a session and its tracks. Recording can begin at once.
///
/// # Errors
/// Refused without persons or sources, or with more than [`SEATS_MAX`] persons.
pub fn open(act: &mut Act<'_>, new: &NewSession<'_>) -> Result<Id<Session>, Failure> {
    if new.persons.is_empty() || new.sources.is_empty() {
        return Err(Refused::from(Refusal::NobodyToRecord).into());
    }
    if new.persons.len() > SEATS_MAX {
        return Err(Refused::from(Refusal::TooManyPersons).into());
    }
    let now = act.now();
    let row = SessionRow {
        id: Id::random(),
        lot: new.lot,
        purpose: new.purpose.into(),
        opened_at: now,
        retention_days: new.retention_days.max(RETENTION_DAYS_MIN),
        closed_at: None,
        sealed_at: None,
        hold_at: None,
        hold_reason: None,
        media_deleted_at: None,
    };
    store::insert_session(act.db(), &row)?;
    let mut tracks = Vec::new();
    for (seat, person) in (1u32..).zip(new.persons) {
        for source in new.sources {
            tracks.push(open_track(act, &row, seat, *person, *source)?);
        }
    }
    let event = Opened { session: row.id, lot: new.lot, purpose: new.purpose, tracks };
    act.enter(&Subject::open(new.lot), &event)?;
    act.tell(topic(row.id));
    Ok(row.id)
}

fn open_track(
    act: &mut Act<'_>,
    session: &SessionRow,
    seat: u32,
    person: Id<Person>,
    source: Source,
) -> Result<Id<Track>, Failure> {
    let id = Id::random();
    let head = Head::start(session.id, id);
    let mut track = TrackRow {
        id,
        session: session.id,
        seat,
        source,
        required: true,
        person_tag: store::person_tag(act.vault(), session.id, person),
        person_sealed: act.vault().seal(store::PERSON, person.to_string().as_bytes()),
        next_number: head.next,
        leaf: head.leaf,
        logged_at: act.now(),
        last_received_at: None,
        stopped_at: None,
        stopped_reason: None,
    };
    store::insert_track(act.db(), &track)?;
    let subject = format!("{}:{}", session.purpose, session.lot);
    let what = What::Opened { subject, seat: u64::from(seat), source: source.code().into() };
    let now = act.now();
    append(act, session, &mut track, what, (now, now))?;
    store::update_track(act.db(), &track)?;
    Ok(id)
}

/// Writes the next record of a track, and enters it in the log unless it is a segment and one was entered within the
/// last [`LOGGED_EVERY`]. The caller stores the track row.
fn append(
    act: &mut Act<'_>,
    session: &SessionRow,
    track: &mut TrackRow,
    what: What,
    (starts_at, ends_at): (Moment, Moment),
) -> Result<Record, Fault> {
    let now = act.now();
    let (kind, epoch, seq) = match &what {
        What::Opened { .. } => ("opened", None, None),
        What::Init { epoch, .. } => ("init", Some(*epoch), Some(0)),
        What::Media { epoch, seq, .. } => ("media", Some(*epoch), Some(*seq)),
        What::Gap { .. } => ("gap", None, None),
        What::Sealed { .. } => ("sealed", None, None),
    };
    let due = kind != "media" || now >= track.logged_at.plus(LOGGED_EVERY);
    let mut head = track.head();
    let record = head.append(now, what);
    (track.next_number, track.leaf) = (head.next, head.leaf);
    let entry = if due {
        track.logged_at = now;
        Some(act.enter(&Subject::open(session.lot), &Recorded(&record))?)
    } else {
        None
    };
    let new = NewRecord { record: &record, kind, epoch, seq, starts_at, ends_at, entry };
    store::insert_record(act.db(), track.id, &new)?;
    Ok(record)
}

/// Ends a session: recorders can no longer be started. What browsers still hold is awaited for a while, then the session
/// is sealed by [`finish`].
///
/// # Errors
/// Refused if there is no such session. Closing twice is harmless.
pub fn close(act: &mut Act<'_>, session: Id<Session>) -> Result<(), Failure> {
    act.exclude(&gate(session))?;
    let mut row = found(store::session(act.db(), session)?)?;
    if row.closed_at.is_some() {
        return Ok(());
    }
    row.closed_at = Some(act.now());
    store::update_session(act.db(), &row)?;
    act.enter(&Subject::open(row.lot), &Closed { session })?;
    act.tell(topic(session));
    Ok(())
}

/// Puts something that another room did on the session's timeline: a locale key, and what stands in its place
/// `%{what}` (never a name before its time, never a score). The other room's own entry in the log proves it.
///
/// # Errors
/// Refused if there is no such session.
pub fn mark(act: &mut Act<'_>, session: Id<Session>, sentence: &str, what: &str) -> Result<(), Failure> {
    found(store::session(act.db(), session)?)?;
    let mark = MarkRow { at: act.now(), sentence: sentence.into(), what: what.into() };
    store::insert_mark(act.db(), session, &mark)?;
    act.tell(topic(session));
    Ok(())
}

/// Orders or lifts a legal hold: while it stands nothing of the session is deleted.
///
/// # Errors
/// Refused without a reason, without such a session, or if the media are already gone.
pub fn hold(act: &mut Act<'_>, session: Id<Session>, held: bool, reason: &str) -> Result<(), Failure> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 500 {
        return Err(Refused::from(Refusal::ReasonMissing).into());
    }
    act.exclude(&gate(session))?;
    let mut row = found(store::session(act.db(), session)?)?;
    if held && row.media_deleted_at.is_some() {
        return Err(Refused::from(Refusal::Deleted).into());
    }
    row.hold_at = held.then(|| act.now());
    row.hold_reason = held.then(|| reason.to_owned());
    store::update_session(act.db(), &row)?;
    act.enter(&Subject::open(row.lot), &HoldChanged { session, held, reason: reason.into() })?;
    Ok(())
}

/// Puts on record that `who` watches. Asking again within ten minutes for the same track adds nothing.
///
/// # Errors
/// Refused if there is no such session.
pub fn watch(
    act: &mut Act<'_>,
    who: &Who,
    session: Id<Session>,
    track: Option<Id<Track>>,
    way: &'static str,
) -> Result<(), Failure> {
    let row = found(store::session(act.db(), session)?)?;
    let now = act.now();
    if store::watched_lately(act.db(), session, who.person, track, way, now)? {
        return Ok(());
    }
    let access = AccessRow { person: who.person, track, way: way.into(), at: now };
    store::insert_access(act.db(), session, &access)?;
    act.enter(&Subject::open(row.lot), &Watched { session, track, way })?;
    Ok(())
}

/// Whether everything that must be recorded in this session is being recorded at `now`: the question that opening and
/// evaluation ask before every act. A closed session is never recording.
///
/// # Errors
/// The database fails.
pub fn verdict(db: &mut Db, session: Id<Session>, now: Moment) -> Result<Standing, Fault> {
    let row = store::session(db, session)?;
    let open = row.is_some_and(|row| row.closed_at.is_none());
    let tracks: Vec<_> = store::tracks(db, session)?.iter().map(TrackRow::fact).collect();
    // a closed or unknown session is judged as if nobody had sent anything for longer than the grace
    let at = if open { now } else { Moment::from_micros(i64::MAX - 2 * GRACE) };
    Ok(standing(&tracks, at))
}

/// The topic under which pages of a session hear of changes.
pub fn topic(session: Id<Session>) -> String {
    format!("recording/{session}")
}

/// The topic under which live viewers hear of new segments.
pub fn track_topic(track: Id<Track>) -> String {
    format!("recording/track/{track}")
}

/// Serialises acts on one session.
fn gate(session: Id<Session>) -> String {
    format!("recording/session/{session}")
}

/// Serialises acts on one track.
fn track_gate(track: Id<Track>) -> String {
    format!("recording/track/{track}")
}

fn found<T>(row: Option<T>) -> Result<T, Failure> {
    row.ok_or_else(|| Refused::from(Refusal::NoSuchSession).into())
}

/// Where the bytes of a track are kept: under their hash, apart from everything that other tracks and rooms keep, so
/// that deleting here can never take away something there.
pub fn place(session: Id<Session>, track: Id<Track>, sha256: &[u8; 32]) -> String {
    format!("recording/{session}/{track}/{}", hex::encode(sha256))
}

/// The retention facts of a session, for pages.
pub fn keeping(row: &SessionRow) -> Keeping {
    row.keeping()
}
