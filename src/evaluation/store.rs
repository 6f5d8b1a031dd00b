//! All SQL on evaluations. Papers, drafts, reports and the names of those who sit on a committee are sealed.

use super::report::Report;
use super::standing::{
    ClosedReport, Decision, Evaluation, Holder, Opened, SeatFacts, SecondPrices, SignedPaper, seat_kind,
    seat_kind_code,
};
use crate::account::rules::Person;
use crate::platform::canonical::jcs_text;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::project::rules::Lot;
use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

diesel::table! {
    evaluation_session (lot_id) {
        lot_id -> Text,
        opened -> Text,
        prices -> Nullable<Text>,
        convened_at -> BigInt,
    }
}
diesel::table! {
    evaluation_seat (lot_id, member) {
        lot_id -> Text,
        member -> Text,
        person_tag -> Text,
        holder -> Binary,
        kind -> Text,
        leader -> Bool,
        seated_at -> BigInt,
        declared_at -> Nullable<BigInt>,
        stepped_down_at -> Nullable<BigInt>,
    }
}
diesel::table! {
    evaluation_paper (lot_id, member, kind, version) {
        lot_id -> Text,
        member -> Text,
        kind -> Text,
        body -> Binary,
        at -> BigInt,
        version -> Integer,
        recalled_at -> Nullable<BigInt>,
    }
}
diesel::table! {
    evaluation_draft (lot_id, member, kind) {
        lot_id -> Text,
        member -> Text,
        kind -> Text,
        body -> Binary,
        saved_at -> BigInt,
    }
}
diesel::table! {
    evaluation_decision (lot_id, kind, bid) {
        lot_id -> Text,
        kind -> Text,
        bid -> Text,
        body -> Text,
        at -> BigInt,
    }
}
diesel::table! {
    evaluation_report (lot_id) {
        lot_id -> Text,
        body -> Binary,
        digest -> Text,
        closed_at -> BigInt,
    }
}

const HOLDER: &str = "evaluation/holder";
const PAPER: &str = "evaluation/paper";
const DRAFT: &str = "evaluation/draft";
const REPORT: &str = "evaluation/report";

/// What kind of paper.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PaperKind {
    Review,
    Sheet,
    Opinion,
}

impl PaperKind {
    /// The word in the database.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Sheet => "sheet",
            Self::Opinion => "opinion",
        }
    }
}

fn seal<T: Serialize>(vault: &Vault, purpose: &str, content: &T) -> Result<Vec<u8>, Fault> {
    Ok(vault.seal(purpose, &serde_json::to_vec(content)?))
}

fn open<T: DeserializeOwned>(vault: &Vault, purpose: &str, sealed: &[u8]) -> Result<T, Fault> {
    Ok(serde_json::from_slice(&vault.open(purpose, sealed)?)?)
}

fn person_tag(vault: &Vault, person: Id<Person>) -> String {
    vault.tag("evaluation/person", &[&person.to_bytes()])
}

/// The evaluation of a lot; `None` before its committee is formed.
pub(crate) fn evaluation(db: &mut Db, vault: &Vault, lot: Id<Lot>) -> Result<Option<Evaluation>, Fault> {
    use evaluation_session as s;
    let key = lot.to_string();
    let row: Option<(String, Option<String>, i64)> = s::table
        .filter(s::lot_id.eq(&key))
        .select((s::opened, s::prices, s::convened_at))
        .first(db)
        .optional()?;
    let Some((opened, prices, convened_at)) = row else { return Ok(None) };
    Ok(Some(Evaluation {
        lot,
        opened: serde_json::from_str(&opened)?,
        prices: prices.map(|text| serde_json::from_str(&text)).transpose()?,
        convened_at: Moment::from_micros(convened_at),
        seats: seats(db, vault, &key)?,
        reviews: papers(db, vault, &key, PaperKind::Review)?,
        sheets: papers(db, vault, &key, PaperKind::Sheet)?,
        opinions: papers(db, vault, &key, PaperKind::Opinion)?,
        decisions: decisions(db, &key)?,
        closed: report(db, vault, lot)?,
    }))
}

type SeatRow = (String, Vec<u8>, String, bool, i64, Option<i64>, Option<i64>);

fn seats(db: &mut Db, vault: &Vault, lot: &str) -> Result<Vec<SeatFacts>, Fault> {
    use evaluation_seat as s;
    let rows: Vec<SeatRow> = s::table
        .filter(s::lot_id.eq(lot))
        .order((s::seated_at, s::member))
        .select((s::member, s::holder, s::kind, s::leader, s::seated_at, s::declared_at, s::stepped_down_at))
        .load(db)?;
    rows.into_iter()
        .map(|(member, holder, kind, leader, seated, declared, stepped_down)| {
            Ok(SeatFacts {
                member,
                holder: open(vault, HOLDER, &holder)?,
                kind: seat_kind(&kind)?,
                leader,
                seated_at: Moment::from_micros(seated),
                declared_at: declared.map(Moment::from_micros),
                stepped_down_at: stepped_down.map(Moment::from_micros),
            })
        })
        .collect()
}

fn papers<T: DeserializeOwned>(
    db: &mut Db,
    vault: &Vault,
    lot: &str,
    kind: PaperKind,
) -> Result<Vec<SignedPaper<T>>, Fault> {
    use evaluation_paper as p;
    let rows: Vec<Vec<u8>> = p::table
        .filter(p::lot_id.eq(lot).and(p::kind.eq(kind.code())).and(p::recalled_at.is_null()))
        .order(p::member)
        .select(p::body)
        .load(db)?;
    rows.iter().map(|body| open(vault, PAPER, body)).collect()
}

fn decisions(db: &mut Db, lot: &str) -> Result<Vec<Decision>, Fault> {
    use evaluation_decision as d;
    let rows: Vec<String> =
        d::table.filter(d::lot_id.eq(lot)).order((d::kind, d::bid)).select(d::body).load(db)?;
    rows.iter().map(|body| Ok(serde_json::from_str(body)?)).collect()
}

/// The closed report of a lot.
pub(crate) fn report(db: &mut Db, vault: &Vault, lot: Id<Lot>) -> Result<Option<ClosedReport>, Fault> {
    use evaluation_report as r;
    let row: Option<(Vec<u8>, String, i64)> = r::table
        .filter(r::lot_id.eq(lot.to_string()))
        .select((r::body, r::digest, r::closed_at))
        .first(db)
        .optional()?;
    row.map(|(body, digest, at)| {
        Ok(ClosedReport { report: open(vault, REPORT, &body)?, digest, closed_at: Moment::from_micros(at) })
    })
    .transpose()
}

/// The lots in which a person sits or sat on the committee, newest first, at most 100.
pub(crate) fn lots_of(db: &mut Db, vault: &Vault, person: Id<Person>) -> Result<Vec<Id<Lot>>, Fault> {
    use evaluation_seat as s;
    let rows: Vec<String> = s::table
        .filter(s::person_tag.eq(person_tag(vault, person)))
        .order(s::seated_at.desc())
        .limit(100)
        .select(s::lot_id)
        .load(db)?;
    rows.iter().map(|id| Id::parse(id).ok_or_else(|| Fault::new("a damaged id in the database"))).collect()
}

/// What a member has filled in and not signed yet.
pub(crate) fn draft<T: DeserializeOwned>(
    db: &mut Db,
    vault: &Vault,
    (lot, member, kind): (Id<Lot>, &str, PaperKind),
) -> Result<Option<T>, Fault> {
    use evaluation_draft as d;
    let body: Option<Vec<u8>> = d::table
        .filter(d::lot_id.eq(lot.to_string()).and(d::member.eq(member)).and(d::kind.eq(kind.code())))
        .select(d::body)
        .first(db)
        .optional()?;
    body.map(|body| open(vault, DRAFT, &body)).transpose()
}

pub(super) fn insert_session(db: &mut Db, lot: Id<Lot>, opened: &Opened, now: Moment) -> Result<(), Fault> {
    use evaluation_session as s;
    diesel::insert_into(s::table)
        .values((
            s::lot_id.eq(lot.to_string()),
            s::opened.eq(jcs_text(opened)),
            s::convened_at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn set_prices(db: &mut Db, lot: Id<Lot>, prices: &SecondPrices) -> Result<(), Fault> {
    use evaluation_session as s;
    diesel::update(s::table.filter(s::lot_id.eq(lot.to_string()).and(s::prices.is_null())))
        .set(s::prices.eq(jcs_text(prices)))
        .execute(db)?;
    Ok(())
}

pub(super) fn insert_seat(db: &mut Db, vault: &Vault, lot: Id<Lot>, seat: &SeatFacts) -> Result<(), Fault> {
    use evaluation_seat as s;
    diesel::insert_into(s::table)
        .values((
            s::lot_id.eq(lot.to_string()),
            s::member.eq(&seat.member),
            s::person_tag.eq(person_tag(vault, seat.holder.person)),
            s::holder.eq(seal::<Holder>(vault, HOLDER, &seat.holder)?),
            s::kind.eq(seat_kind_code(seat.kind)),
            s::leader.eq(seat.leader),
            s::seated_at.eq(seat.seated_at.micros()),
            s::declared_at.eq(seat.declared_at.map(Moment::micros)),
            s::stepped_down_at.eq(seat.stepped_down_at.map(Moment::micros)),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn set_declared(db: &mut Db, lot: Id<Lot>, member: &str, now: Moment) -> Result<(), Fault> {
    use evaluation_seat as s;
    diesel::update(s::table.filter(s::lot_id.eq(lot.to_string()).and(s::member.eq(member))))
        .set(s::declared_at.eq(now.micros()))
        .execute(db)?;
    Ok(())
}

pub(super) fn set_stepped_down(db: &mut Db, lot: Id<Lot>, member: &str, now: Moment) -> Result<(), Fault> {
    use evaluation_seat as s;
    diesel::update(s::table.filter(s::lot_id.eq(lot.to_string()).and(s::member.eq(member))))
        .set((s::stepped_down_at.eq(now.micros()), s::leader.eq(false)))
        .execute(db)?;
    Ok(())
}

pub(super) fn set_leader(db: &mut Db, lot: Id<Lot>, member: &str) -> Result<(), Fault> {
    use evaluation_seat as s;
    diesel::update(s::table.filter(s::lot_id.eq(lot.to_string()).and(s::member.eq(member))))
        .set(s::leader.eq(true))
        .execute(db)?;
    Ok(())
}

pub(super) fn insert_paper<T: Serialize>(
    db: &mut Db,
    vault: &Vault,
    place: (Id<Lot>, &str, PaperKind),
    paper: &SignedPaper<T>,
    now: Moment,
) -> Result<(), Fault> {
    use evaluation_paper as p;
    let (lot, member, kind) = place;
    let own = p::lot_id.eq(lot.to_string()).and(p::member.eq(member)).and(p::kind.eq(kind.code()));
    let last: Option<i32> =
        p::table.filter(own).order(p::version.desc()).select(p::version).first(db).optional()?;
    diesel::insert_into(p::table)
        .values((
            p::version.eq(last.unwrap_or(0) + 1),
            p::lot_id.eq(lot.to_string()),
            p::member.eq(member),
            p::kind.eq(kind.code()),
            p::body.eq(seal(vault, PAPER, paper)?),
            p::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// Takes back a member's paper of this kind; it stays, marked.
pub(super) fn recall_paper(
    db: &mut Db,
    lot: Id<Lot>,
    member: &str,
    kind: PaperKind,
    now: Moment,
) -> Result<(), Fault> {
    use evaluation_paper as p;
    let own = p::lot_id.eq(lot.to_string()).and(p::member.eq(member)).and(p::kind.eq(kind.code()));
    diesel::update(p::table.filter(own.and(p::recalled_at.is_null())))
        .set(p::recalled_at.eq(now.micros()))
        .execute(db)?;
    Ok(())
}

pub(super) fn save_draft<T: Serialize>(
    db: &mut Db,
    vault: &Vault,
    place: (Id<Lot>, &str, PaperKind),
    draft: &T,
    now: Moment,
) -> Result<(), Fault> {
    use evaluation_draft as d;
    let (lot, member, kind) = place;
    let (lot, body) = (lot.to_string(), seal(vault, DRAFT, draft)?);
    let own = d::lot_id.eq(&lot).and(d::member.eq(member)).and(d::kind.eq(kind.code()));
    let known = diesel::update(d::table.filter(own))
        .set((d::body.eq(&body), d::saved_at.eq(now.micros())))
        .execute(db)?;
    if known == 0 {
        diesel::insert_into(d::table)
            .values((
                d::lot_id.eq(&lot),
                d::member.eq(member),
                d::kind.eq(kind.code()),
                d::body.eq(&body),
                d::saved_at.eq(now.micros()),
            ))
            .execute(db)?;
    }
    Ok(())
}

pub(super) fn insert_decision(
    db: &mut Db,
    lot: Id<Lot>,
    decision: &Decision,
    now: Moment,
) -> Result<(), Fault> {
    use evaluation_decision as d;
    diesel::insert_into(d::table)
        .values((
            d::lot_id.eq(lot.to_string()),
            d::kind.eq(decision.code()),
            d::bid.eq(decision.bid()),
            d::body.eq(jcs_text(decision)),
            d::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn insert_report(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    report: &Report,
    digest: &str,
    now: Moment,
) -> Result<(), Fault> {
    use evaluation_report as r;
    diesel::insert_into(r::table)
        .values((
            r::lot_id.eq(lot.to_string()),
            r::body.eq(seal(vault, REPORT, report)?),
            r::digest.eq(digest),
            r::closed_at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// Tag and sealed holder of every seat, as a thief of the database would see them.
#[cfg(test)]
pub(super) fn raw_seats(db: &mut Db) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    use evaluation_seat as s;
    Ok(s::table.select((s::person_tag, s::holder)).load(db)?)
}
