//! All SQL on trustees' keys and finished sets.

use super::trustees::{Holder, Keys};
use crate::account::store as people;
use crate::ledger::EntryId;
use crate::platform::canonical::{from_jcs, jcs_text};
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::project::rules::Tender;
use crate::project::standing::TenderFacts;
use crate::sealing::trustees::TrusteeSet;
use diesel::prelude::*;

diesel::table! {
    sealed_bid_trustee (tender_id, place) {
        tender_id -> Text,
        place -> Integer,
        person_id -> Text,
        hpke -> Binary,
        sign -> Binary,
        sig -> Nullable<Binary>,
        at -> BigInt,
    }
}
diesel::table! {
    sealed_bid_trustee_set (tender_id) {
        tender_id -> Text,
        document -> Text,
        entry -> Text,
        at -> BigInt,
    }
}

fn damaged(what: &str) -> Fault {
    Fault::new(format!("a damaged {what} in the database"))
}

/// The trustees that the agent named, in order, with what came from them so far. Empty if none are named.
pub fn holders(db: &mut Db, tender: &TenderFacts) -> Result<Vec<Holder>, Fault> {
    let Some(custody) = &tender.custody else { return Ok(Vec::new()) };
    let ids: Vec<_> = custody.trustees.iter().map(|trustee| trustee.person).collect();
    let known = people::people(db, &ids)?;
    type Row = (i32, Vec<u8>, Vec<u8>, Option<Vec<u8>>);
    let rows: Vec<Row> = sealed_bid_trustee::table
        .filter(sealed_bid_trustee::tender_id.eq(tender.tender.to_string()))
        .select((
            sealed_bid_trustee::place,
            sealed_bid_trustee::hpke,
            sealed_bid_trustee::sign,
            sealed_bid_trustee::sig,
        ))
        .load(db)?;
    let mut holders = Vec::new();
    for (place, person) in (1u8..).zip(ids) {
        let who = known.iter().find(|who| who.person == person);
        let row = rows.iter().find(|row| row.0 == i32::from(place));
        let keys = row.map(|(_, hpke, sign, sig)| keys_of(hpke, sign, sig.as_deref())).transpose()?;
        holders.push(Holder {
            place,
            person,
            name: who.map(|who| who.name.clone()).unwrap_or_default(),
            organisation: who.map(|who| who.organisation_name.clone()).unwrap_or_default(),
            keys,
        });
    }
    Ok(holders)
}

fn keys_of(hpke: &[u8], sign: &[u8], sig: Option<&[u8]>) -> Result<Keys, Fault> {
    let point = |bytes: &[u8]| bytes.try_into().map_err(|_| damaged("trustee key"));
    let sig = sig.map(|sig| sig.try_into().map_err(|_| damaged("trustee signature"))).transpose()?;
    Ok(Keys { hpke: point(hpke)?, sign: point(sign)?, sig })
}

/// The finished set of a tender: `None` until every trustee has signed. Bids can not be sealed before.
pub fn complete_set(db: &mut Db, tender: Id<Tender>) -> Result<Option<TrusteeSet>, Fault> {
    let row: Option<String> = sealed_bid_trustee_set::table
        .filter(sealed_bid_trustee_set::tender_id.eq(tender.to_string()))
        .select(sealed_bid_trustee_set::document)
        .first(db)
        .optional()?;
    row.map(|text| from_jcs(text.as_bytes()).map_err(Fault::from)).transpose()
}

/// The log entry of the finished set, and when it was finished.
pub fn set_entry(db: &mut Db, tender: Id<Tender>) -> Result<Option<(EntryId, Moment)>, Fault> {
    let row: Option<(String, i64)> = sealed_bid_trustee_set::table
        .filter(sealed_bid_trustee_set::tender_id.eq(tender.to_string()))
        .select((sealed_bid_trustee_set::entry, sealed_bid_trustee_set::at))
        .first(db)
        .optional()?;
    row.map(|(entry, at)| Ok((Id::parse(&entry).ok_or_else(|| damaged("id"))?, Moment::from_micros(at))))
        .transpose()
}

/// Puts a trustee's keys in place of earlier ones. Everybody's signature is taken back: the set has changed.
pub(super) fn put_key(
    db: &mut Db,
    tender: Id<Tender>,
    holder: &Holder,
    keys: &Keys,
    now: Moment,
) -> Result<(), Fault> {
    let of_tender = sealed_bid_trustee::tender_id.eq(tender.to_string());
    let nobody: Option<Vec<u8>> = None;
    diesel::update(sealed_bid_trustee::table.filter(of_tender))
        .set(sealed_bid_trustee::sig.eq(nobody))
        .execute(db)?;
    let own = sealed_bid_trustee::table.filter(
        sealed_bid_trustee::tender_id
            .eq(tender.to_string())
            .and(sealed_bid_trustee::place.eq(i32::from(holder.place))),
    );
    diesel::delete(own).execute(db)?;
    diesel::insert_into(sealed_bid_trustee::table)
        .values((
            sealed_bid_trustee::tender_id.eq(tender.to_string()),
            sealed_bid_trustee::place.eq(i32::from(holder.place)),
            sealed_bid_trustee::person_id.eq(holder.person.to_string()),
            sealed_bid_trustee::hpke.eq(keys.hpke.to_vec()),
            sealed_bid_trustee::sign.eq(keys.sign.to_vec()),
            sealed_bid_trustee::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn put_signature(db: &mut Db, tender: Id<Tender>, place: u8, sig: &[u8; 64]) -> Result<(), Fault> {
    let own = sealed_bid_trustee::table.filter(
        sealed_bid_trustee::tender_id
            .eq(tender.to_string())
            .and(sealed_bid_trustee::place.eq(i32::from(place))),
    );
    diesel::update(own).set(sealed_bid_trustee::sig.eq(Some(sig.to_vec()))).execute(db)?;
    Ok(())
}

pub(super) fn insert_set(
    db: &mut Db,
    tender: Id<Tender>,
    set: &TrusteeSet,
    entry: EntryId,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(sealed_bid_trustee_set::table)
        .values((
            sealed_bid_trustee_set::tender_id.eq(tender.to_string()),
            sealed_bid_trustee_set::document.eq(jcs_text(set)),
            sealed_bid_trustee_set::entry.eq(entry.to_string()),
            sealed_bid_trustee_set::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}
