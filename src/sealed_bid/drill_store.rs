//! All SQL on trustees' drills.

use crate::platform::canonical::{from_jcs, jcs_text};
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::project::rules::Tender;
use crate::sealing::boxes::BoxKey;
use crate::sealing::drill::Canary;
use crate::sealing::manifest::Manifest;
use crate::sealing::release::Release;
use diesel::prelude::*;

diesel::table! {
    sealed_bid_drill (tender_id) {
        tender_id -> Text,
        manifest -> Text,
        phrase -> Text,
        ciphertext -> Nullable<Binary>,
        session_public -> Binary,
        session_secret -> Nullable<Binary>,
        at -> BigInt,
        done_at -> Nullable<BigInt>,
    }
}
diesel::table! {
    sealed_bid_drill_release (tender_id, place) {
        tender_id -> Text,
        place -> Integer,
        document -> Text,
        state -> Text,
        at -> BigInt,
    }
}
diesel::table! {
    sealed_bid_drill_waiver (tender_id) {
        tender_id -> Text,
        words -> Text,
        at -> BigInt,
    }
}

/// Purpose under which the vault keeps the keys of drills.
const SESSION: &str = "sealed_bid/drill";

/// A drill that was begun.
#[derive(Clone, Debug)]
pub struct DrillRow {
    pub manifest: Manifest,
    pub session: [u8; 65],
    pub at: Moment,
    pub done_at: Option<Moment>,
}

/// What is needed to open the canary; gone when it has opened.
pub(super) struct Contents {
    pub session: BoxKey,
    pub ciphertext: Vec<u8>,
    pub phrase: String,
}

/// How a trustee's release for the canary stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Too few have come to tell.
    Received,
    Right,
    Wrong,
}

impl State {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Right => "right",
            Self::Wrong => "wrong",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        [Self::Received, Self::Right, Self::Wrong].into_iter().find(|state| state.code() == code)
    }
}

/// One trustee's release.
#[derive(Clone, Debug)]
pub struct ReleaseRow {
    pub release: Release,
    pub state: State,
    pub at: Moment,
}

fn damaged() -> Fault {
    Fault::new("a damaged drill in the database")
}

/// The drill of a tender, if one was begun.
pub fn drill(db: &mut Db, tender: Id<Tender>) -> Result<Option<DrillRow>, Fault> {
    let row: Option<(String, Vec<u8>, i64, Option<i64>)> = sealed_bid_drill::table
        .filter(sealed_bid_drill::tender_id.eq(tender.to_string()))
        .select((
            sealed_bid_drill::manifest,
            sealed_bid_drill::session_public,
            sealed_bid_drill::at,
            sealed_bid_drill::done_at,
        ))
        .first(db)
        .optional()?;
    row.map(|(manifest, session, at, done)| {
        Ok(DrillRow {
            manifest: from_jcs(manifest.as_bytes())?,
            session: session.try_into().map_err(|_| damaged())?,
            at: Moment::from_micros(at),
            done_at: done.map(Moment::from_micros),
        })
    })
    .transpose()
}

/// Whether every trustee has opened the canary.
pub(super) fn is_done(db: &mut Db, tender: Id<Tender>) -> Result<bool, Fault> {
    let at: Option<Option<i64>> = sealed_bid_drill::table
        .filter(sealed_bid_drill::tender_id.eq(tender.to_string()))
        .select(sealed_bid_drill::done_at)
        .first(db)
        .optional()?;
    Ok(at.flatten().is_some())
}

/// The session's key, the ciphertext, the phrase.
type ContentColumns = (Option<Vec<u8>>, Option<Vec<u8>>, String);

/// The canary's content and the session's key, while the drill goes on.
pub(super) fn contents(db: &mut Db, vault: &Vault, tender: Id<Tender>) -> Result<Option<Contents>, Fault> {
    let row: Option<ContentColumns> = sealed_bid_drill::table
        .filter(sealed_bid_drill::tender_id.eq(tender.to_string()))
        .select((sealed_bid_drill::session_secret, sealed_bid_drill::ciphertext, sealed_bid_drill::phrase))
        .first(db)
        .optional()?;
    let Some((Some(secret), Some(ciphertext), phrase)) = row else { return Ok(None) };
    let secret = zeroize::Zeroizing::new(vault.open(SESSION, &secret)?);
    Ok(Some(Contents { session: BoxKey::from_bytes(&secret)?, ciphertext, phrase }))
}

/// Trustees' releases for the canary, by place.
pub fn releases(db: &mut Db, tender: Id<Tender>) -> Result<Vec<ReleaseRow>, Fault> {
    let rows: Vec<(String, String, i64)> = sealed_bid_drill_release::table
        .filter(sealed_bid_drill_release::tender_id.eq(tender.to_string()))
        .order(sealed_bid_drill_release::place)
        .select((
            sealed_bid_drill_release::document,
            sealed_bid_drill_release::state,
            sealed_bid_drill_release::at,
        ))
        .load(db)?;
    let row = |(document, state, at): (String, String, i64)| {
        Ok(ReleaseRow {
            release: Release::read(document.as_bytes())?,
            state: State::from_code(&state).ok_or_else(damaged)?,
            at: Moment::from_micros(at),
        })
    };
    rows.into_iter().map(row).collect()
}

/// Why the agent goes on without a drill.
pub fn waiver(db: &mut Db, tender: Id<Tender>) -> Result<Option<(String, Moment)>, Fault> {
    let row: Option<(String, i64)> = sealed_bid_drill_waiver::table
        .filter(sealed_bid_drill_waiver::tender_id.eq(tender.to_string()))
        .select((sealed_bid_drill_waiver::words, sealed_bid_drill_waiver::at))
        .first(db)
        .optional()?;
    Ok(row.map(|(words, at)| (words, Moment::from_micros(at))))
}

pub(super) fn insert_drill(
    db: &mut Db,
    vault: &Vault,
    tender: Id<Tender>,
    (canary, key): (&Canary, &BoxKey),
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(sealed_bid_drill::table)
        .values((
            sealed_bid_drill::tender_id.eq(tender.to_string()),
            sealed_bid_drill::manifest.eq(jcs_text(&canary.manifest)),
            sealed_bid_drill::phrase.eq(&canary.phrase),
            sealed_bid_drill::ciphertext.eq(Some(canary.ciphertext.clone())),
            sealed_bid_drill::session_public.eq(key.public().to_vec()),
            sealed_bid_drill::session_secret.eq(Some(vault.seal(SESSION, &key.to_bytes().0))),
            sealed_bid_drill::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// Puts a trustee's release in place of an earlier one.
pub(super) fn put_release(
    db: &mut Db,
    tender: Id<Tender>,
    release: &Release,
    now: Moment,
) -> Result<(), Fault> {
    let place = i32::from(release.i);
    let own = sealed_bid_drill_release::table.filter(
        sealed_bid_drill_release::tender_id
            .eq(tender.to_string())
            .and(sealed_bid_drill_release::place.eq(place)),
    );
    diesel::delete(own).execute(db)?;
    diesel::insert_into(sealed_bid_drill_release::table)
        .values((
            sealed_bid_drill_release::tender_id.eq(tender.to_string()),
            sealed_bid_drill_release::place.eq(place),
            sealed_bid_drill_release::document.eq(jcs_text(release)),
            sealed_bid_drill_release::state.eq(State::Received.code()),
            sealed_bid_drill_release::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn set_state(db: &mut Db, tender: Id<Tender>, place: u8, state: State) -> Result<(), Fault> {
    let own = sealed_bid_drill_release::table.filter(
        sealed_bid_drill_release::tender_id
            .eq(tender.to_string())
            .and(sealed_bid_drill_release::place.eq(i32::from(place))),
    );
    diesel::update(own).set(sealed_bid_drill_release::state.eq(state.code())).execute(db)?;
    Ok(())
}

/// Marks a drill done and destroys its key.
pub(super) fn end(db: &mut Db, tender: Id<Tender>, now: Moment) -> Result<(), Fault> {
    let nothing: Option<Vec<u8>> = None;
    let own = sealed_bid_drill::table.filter(sealed_bid_drill::tender_id.eq(tender.to_string()));
    diesel::update(own)
        .set((
            sealed_bid_drill::session_secret.eq(nothing.clone()),
            sealed_bid_drill::ciphertext.eq(nothing),
            sealed_bid_drill::done_at.eq(Some(now.micros())),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn insert_waiver(db: &mut Db, tender: Id<Tender>, words: &str, now: Moment) -> Result<(), Fault> {
    diesel::insert_into(sealed_bid_drill_waiver::table)
        .values((
            sealed_bid_drill_waiver::tender_id.eq(tender.to_string()),
            sealed_bid_drill_waiver::words.eq(words),
            sealed_bid_drill_waiver::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}
