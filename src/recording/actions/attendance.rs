//! Who must be recorded in a lot's session: the door of the rooms whose work is recorded.

use super::{NewSession, close, open, open_track, topic};
use crate::account::rules::Person;
use crate::ledger::Act;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault};
use crate::project::rules::Lot;
use crate::recording::rules::{Session, Standing};
use crate::recording::store::{self, TrackRow};

/// Sees to it that exactly these persons are required on the recording of a lot: opens the session if none is open,
/// gives seats to those who are new, and no longer requires those who left (what was recorded of them stays). Calling
/// it again with the same persons changes nothing.
///
/// # Errors
/// As [`open`].
pub fn attend(act: &mut Act<'_>, wanted: &NewSession<'_>) -> Result<Id<Session>, Failure> {
    let Some(session) = store::open_session_of(act.db(), wanted.lot, wanted.purpose)? else {
        return open(act, wanted);
    };
    let vault = act.vault().clone();
    let tracks = store::tracks(act.db(), session.id)?;
    let mut seats = tracks.iter().map(|t| t.seat).max().unwrap_or_default();
    for mut track in tracks.clone() {
        let required = wanted.persons.iter().any(|person| track.is_of(&vault, *person));
        if required != track.required {
            track.required = required;
            store::update_track(act.db(), &track)?;
        }
    }
    let seated = |person: Id<Person>| tracks.iter().any(|t: &TrackRow| t.is_of(&vault, person));
    for person in wanted.persons.iter().filter(|person| !seated(**person)) {
        seats += 1;
        for source in wanted.sources {
            open_track(act, &session, seats, *person, *source)?;
        }
    }
    act.tell(topic(session.id));
    Ok(session.id)
}

/// Whether everybody who must be is being recorded at `now` in this lot's open session. Without one: nobody is.
///
/// # Errors
/// The database fails.
pub fn standing_of(db: &mut Db, lot: Id<Lot>, purpose: &str, now: Moment) -> Result<Standing, Fault> {
    match store::open_session_of(db, lot, purpose)? {
        Some(session) => super::verdict(db, session.id, now),
        None => Ok(Standing::Halted { missing: Vec::new() }),
    }
}

/// Ends the lot's open session, if there is one.
///
/// # Errors
/// The database fails.
pub fn dismiss(act: &mut Act<'_>, lot: Id<Lot>, purpose: &str) -> Result<(), Failure> {
    match store::open_session_of(act.db(), lot, purpose)? {
        Some(session) => close(act, session.id),
        None => Ok(()),
    }
}

/// Puts something on the timeline of the lot's open session, if there is one: see [`super::mark`].
///
/// # Errors
/// The database fails.
pub fn mark_of(
    act: &mut Act<'_>,
    lot: Id<Lot>,
    purpose: &str,
    sentence: &str,
    what: &str,
) -> Result<(), Failure> {
    match store::open_session_of(act.db(), lot, purpose)? {
        Some(session) => super::mark(act, session.id, sentence, what),
        None => Ok(()),
    }
}
