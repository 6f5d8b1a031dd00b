//! Everything that is written about an opening. Only the hall's actions call these.

use super::{
    BidRow, CONTENT, ContentRow, Objected, SESSION, SHARES, opening_arrival, opening_bid, opening_closing,
    opening_content, opening_objection, opening_record, opening_release, opening_signature, opening_sitting,
    signed,
};
use crate::account::signature::Signed;
use crate::account::who::Who;
use crate::ledger::EntryId;
use crate::opening::record::OpeningRecord;
use crate::opening::rules::Closing;
use crate::platform::canonical::jcs_text;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::project::rules::Lot;
use crate::sealing::bid_set::BidSet;
use crate::sealing::boxes::BoxKey;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::release::Release;
use diesel::prelude::*;

pub(in crate::opening) fn insert_closing(db: &mut Db, lot: Id<Lot>, closing: &Closing) -> Result<(), Fault> {
    diesel::insert_into(opening_closing::table)
        .values((
            opening_closing::lot_id.eq(lot.to_string()),
            opening_closing::size.eq(signed(closing.size)?),
            opening_closing::root.eq(closing.root.to_vec()),
            opening_closing::note.eq(&closing.note),
            opening_closing::bidders.eq(i32::try_from(closing.bidders)?),
            opening_closing::at.eq(closing.at.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(in crate::opening) fn insert_sitting(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    set: &BidSet,
    key: &BoxKey,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(opening_sitting::table)
        .values((
            opening_sitting::lot_id.eq(lot.to_string()),
            opening_sitting::envelope.eq(set.envelope.code()),
            opening_sitting::bid_set.eq(jcs_text(set)),
            opening_sitting::session_public.eq(key.public().to_vec()),
            opening_sitting::session_secret.eq(Some(vault.seal(SESSION, &key.to_bytes().0))),
            opening_sitting::started_at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// Marks an envelope opened: keeps the shares in the vault, with the session's key that proves them, and no key elsewhere.
pub(in crate::opening) fn end_sitting(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    shares: &[u8],
    now: Moment,
) -> Result<(), Fault> {
    let nothing: Option<Vec<u8>> = None;
    let own = opening_sitting::table.filter(
        opening_sitting::lot_id.eq(lot.to_string()).and(opening_sitting::envelope.eq(envelope.code())),
    );
    diesel::update(own)
        .set((
            opening_sitting::session_secret.eq(nothing),
            opening_sitting::shares.eq(Some(vault.seal(SHARES, shares))),
            opening_sitting::opened_at.eq(Some(now.micros())),
        ))
        .execute(db)?;
    Ok(())
}

pub(in crate::opening) fn insert_arrival(
    db: &mut Db,
    lot: Id<Lot>,
    who: &Who,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(opening_arrival::table)
        .values((
            opening_arrival::lot_id.eq(lot.to_string()),
            opening_arrival::person_id.eq(who.person.to_string()),
            opening_arrival::name.eq(&who.name),
            opening_arrival::organisation.eq(&who.organisation_name),
            opening_arrival::role.eq(who.role.code()),
            opening_arrival::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(in crate::opening) fn insert_release(
    db: &mut Db,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    release: &Release,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(opening_release::table)
        .values((
            opening_release::lot_id.eq(lot.to_string()),
            opening_release::envelope.eq(envelope.code()),
            opening_release::place.eq(i32::from(release.i)),
            opening_release::document.eq(jcs_text(release)),
            opening_release::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(in crate::opening) fn insert_bid(
    db: &mut Db,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    place: i32,
    bid: &BidRow,
) -> Result<(), Fault> {
    diesel::insert_into(opening_bid::table)
        .values((
            opening_bid::lot_id.eq(lot.to_string()),
            opening_bid::envelope.eq(envelope.code()),
            opening_bid::m.eq(bid.m.to_string()),
            opening_bid::place.eq(place),
            opening_bid::organisation_id.eq(bid.organisation.to_string()),
            opening_bid::leaf.eq(signed(bid.leaf)?),
            opening_bid::submitted_at.eq(bid.submitted_at.micros()),
            opening_bid::document.eq(bid.document.as_ref().map(jcs_text)),
            opening_bid::not_opened.eq(bid.not_opened.as_ref().map(jcs_text)),
            opening_bid::liars.eq(jcs_text(&bid.liars)),
        ))
        .execute(db)?;
    Ok(())
}

pub(in crate::opening) fn insert_content(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    content: &ContentRow,
) -> Result<(), Fault> {
    diesel::insert_into(opening_content::table)
        .values((
            opening_content::lot_id.eq(lot.to_string()),
            opening_content::envelope.eq(envelope.code()),
            opening_content::m.eq(content.m.to_string()),
            opening_content::upload_id.eq(content.upload.to_string()),
            opening_content::content_key.eq(vault.seal(CONTENT, &content.key.to_bytes())),
        ))
        .execute(db)?;
    Ok(())
}

pub(in crate::opening) fn insert_objection(
    db: &mut Db,
    id: Id<Objected>,
    lot: Id<Lot>,
    who: &Who,
    words: &str,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(opening_objection::table)
        .values((
            opening_objection::id.eq(id.to_string()),
            opening_objection::lot_id.eq(lot.to_string()),
            opening_objection::person_id.eq(who.person.to_string()),
            opening_objection::organisation.eq(&who.organisation_name),
            opening_objection::words.eq(words),
            opening_objection::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// Answers an objection of a lot; `false` if there is none without an answer.
pub(in crate::opening) fn answer_objection(
    db: &mut Db,
    lot: Id<Lot>,
    id: Id<Objected>,
    answer: &str,
    now: Moment,
) -> Result<bool, Fault> {
    let own = opening_objection::table.filter(
        opening_objection::id
            .eq(id.to_string())
            .and(opening_objection::lot_id.eq(lot.to_string()))
            .and(opening_objection::answer.is_null()),
    );
    let changed = diesel::update(own)
        .set((
            opening_objection::answer.eq(Some(answer)),
            opening_objection::answered_at.eq(Some(now.micros())),
        ))
        .execute(db)?;
    Ok(changed > 0)
}

pub(in crate::opening) fn insert_record(
    db: &mut Db,
    lot: Id<Lot>,
    record: &OpeningRecord,
    entry: EntryId,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(opening_record::table)
        .values((
            opening_record::lot_id.eq(lot.to_string()),
            opening_record::envelope.eq(record.envelope.code()),
            opening_record::document.eq(jcs_text(record)),
            opening_record::entry.eq(entry.to_string()),
            opening_record::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(in crate::opening) fn insert_signature(
    db: &mut Db,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    who: &Who,
    statement: &Signed,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(opening_signature::table)
        .values((
            opening_signature::lot_id.eq(lot.to_string()),
            opening_signature::envelope.eq(envelope.code()),
            opening_signature::person_id.eq(who.person.to_string()),
            opening_signature::name.eq(&who.name),
            opening_signature::organisation.eq(&who.organisation_name),
            opening_signature::role.eq(who.role.code()),
            opening_signature::signed.eq(jcs_text(statement)),
            opening_signature::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// Whether a person has signed the record of an envelope.
pub(in crate::opening) fn has_signed(
    db: &mut Db,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    person: &str,
) -> Result<bool, Fault> {
    let row: Option<i64> = opening_signature::table
        .filter(
            opening_signature::lot_id
                .eq(lot.to_string())
                .and(opening_signature::envelope.eq(envelope.code()))
                .and(opening_signature::person_id.eq(person)),
        )
        .select(opening_signature::at)
        .first(db)
        .optional()?;
    Ok(row.is_some())
}
