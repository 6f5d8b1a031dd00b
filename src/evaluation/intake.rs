//! What the evaluation works on: the bids that the opening found, the numbers that were drawn, the people who accepted
//! their seats. Read once, when the committee is formed.

use super::actions::Invited;
use super::committee::SeatKind;
use super::decimal::Exact;
use super::price_score::Enterprise;
use super::report::BidInput;
use super::ruled_out::{DepositFound, DepositStanding, NoPrice, WhyNoPrice, price_said};
use super::standing::{self, Holder, Opened, SecondPrices};
use crate::deposit;
use crate::expert_draw;
use crate::expert_draw::rules::Answer;
use crate::opening;
use crate::opening::rules::Blame;
use crate::opening::store::BidRow;
use crate::party;
use crate::party::rules::Organisation;
use crate::platform::database::Db;
use crate::platform::digest::b64u;
use crate::platform::id::Id;
use crate::platform::money::Fen;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::vault::Vault;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use crate::sealed_bid::rules::{ENTERPRISE, envelopes_of};
use crate::sealing::context::EnvelopeKind;
use std::collections::BTreeMap;

/// The experts who have accepted their seats, in the order of the draw, and after them the representatives of the
/// procuring entity. An accepted seat without an account can not sit; the centre links one first.
///
/// # Errors
/// Refused while an accepted expert has no account; the database fails.
pub fn invited(
    db: &mut Db,
    vault: &Vault,
    facts: &LotFacts,
    representatives: &[Holder],
) -> Result<Vec<Invited>, Failure> {
    let mut invited = Vec::new();
    for member in expert_draw::actions::members(db, vault, facts.lot)? {
        if member.answer != Answer::Accepted {
            continue;
        }
        let person = member.person.ok_or_else(|| Refused::new(409, "evaluation.refusal.no_account"))?;
        let holder = Holder { person, name: member.holder.name, organisation: member.holder.employer };
        invited.push(Invited { holder, kind: SeatKind::Expert });
    }
    let representative = |holder: &Holder| Invited { holder: holder.clone(), kind: SeatKind::Representative };
    invited.extend(representatives.iter().map(representative));
    Ok(invited)
}

/// What the opening found: who bid, at which prices, with which deposits, and the numbers that were drawn. With two
/// envelopes the bids come without prices until the second opening; see [`prices`].
///
/// # Errors
/// Refused before the opening, and while a coefficient is not drawn yet.
pub fn opened(db: &mut Db, vault: &Vault, facts: &LotFacts) -> Result<Opened, Failure> {
    let first = *envelopes_of(&facts.terms).first().unwrap_or(&EnvelopeKind::Single);
    let closing =
        opening::store::closing(db, facts.lot)?.ok_or_else(|| Refused::from(super::rules::Refusal::Phase))?;
    let prices_follow = first == EnvelopeKind::Technical;
    let rows = opening::store::opened_bids(db, facts.lot, first)?;
    let (mut bids, mut bidders) = (Vec::new(), BTreeMap::new());
    for (number, row) in (1..).zip(&rows) {
        let label = format!("b{number}");
        let organisation = party::store::get(db, row.organisation)?;
        let price = if prices_follow { Ok(Fen(0)) } else { price_of(row) };
        bids.push(BidInput {
            bid: label.clone(),
            bidder: organisation.map(|found| found.name).unwrap_or_default(),
            price: price.as_ref().copied().unwrap_or_default(),
            no_price: price.err(),
            deposit: deposit_of(db, vault, facts, row.organisation)?,
            enterprise: declared(row),
            statement: None,
            correction: None,
            adjustments: Vec::new(),
        });
        bidders.insert(label, row.organisation);
    }
    Ok(Opened {
        bids_at_deadline: closing.bidders,
        prices_follow,
        bids,
        bidders,
        drawn: drawn(db, vault, facts)?,
        // fixed by the log when the box was closed; no bidder could know it
        tie_seed: Some(b64u(&closing.root)),
    })
}

/// The price that was read out, or why there is none.
fn price_of(row: &BidRow) -> Result<Fen, NoPrice> {
    if let Some(document) = &row.document {
        return price_said(document.form.get("price").map(String::as_str));
    }
    let why = match row.not_opened.as_ref().map(|failed| failed.blame) {
        Some(Blame::Bidder) => WhyNoPrice::Revoked,
        // nothing is proven against the bidder
        Some(Blame::Trustees | Blame::Platform | Blame::Outside | Blame::Unsettled) => WhyNoPrice::TakenBack,
        None => WhyNoPrice::Missing,
    };
    Err(NoPrice { why, said: String::new() })
}

/// What the bidder declares to be. Bids of before the question, and words that nobody knows, get no preference.
fn declared(row: &BidRow) -> Enterprise {
    let said = row.document.as_ref().and_then(|document| document.form.get(ENTERPRISE));
    said.and_then(|said| Enterprise::from_code(said)).unwrap_or(Enterprise::Ordinary)
}

/// The bidder's deposit as the closing of the box froze it, if the tender demands one and the rulebook lets no bid pass
/// without. Money that the bank booked after the deadline can not secure it, whenever it is assigned.
fn deposit_of(
    db: &mut Db,
    vault: &Vault,
    facts: &LotFacts,
    bidder: Id<Organisation>,
) -> Result<Option<DepositFound>, Failure> {
    let demanded = facts.terms.deposit;
    if demanded.0 <= 0 || !facts.book()?.deposit.unpaid_rejects.value {
        return Ok(None);
    }
    let found = deposit::store::state_of(db, vault, facts.lot, bidder)?;
    let secured = found.is_some_and(|found| found.state.is_secured());
    let standing = if secured { DepositStanding::Secured } else { DepositStanding::NotSecured };
    Ok(Some(DepositFound { demanded, held: found.map(|found| found.held).unwrap_or_default(), standing }))
}

/// The prices of the second envelope by the labels of the first. A bidder whose second envelope did not open is without
/// a price, with the fault that the opening found; the others go on (电子招标投标办法第三十一条).
///
/// # Errors
/// Refused before the second opening.
pub fn prices(
    db: &mut Db,
    lot: Id<Lot>,
    bidders: &BTreeMap<String, Id<Organisation>>,
) -> Result<SecondPrices, Failure> {
    let sitting = opening::store::sitting(db, lot, EnvelopeKind::Commercial)?;
    if sitting.and_then(|sitting| sitting.opened_at).is_none() {
        return Err(Refused::from(super::rules::Refusal::Phase).into());
    }
    let rows = opening::store::bids(db, lot, EnvelopeKind::Commercial)?;
    let mut found = SecondPrices::default();
    for (label, bidder) in bidders {
        let row = rows.iter().find(|row| row.organisation == *bidder);
        match row.map(price_of) {
            Some(Ok(price)) => drop(found.prices.insert(label.clone(), price)),
            Some(Err(why)) => drop(found.without.insert(label.clone(), why)),
            // never handed in: the bid was never complete and counts as taken back (同第二十七条)
            None => {
                let why = NoPrice { why: WhyNoPrice::TakenBack, said: String::new() };
                drop(found.without.insert(label.clone(), why));
            }
        }
    }
    Ok(found)
}

/// The coefficients that the method has drawn at the opening, by name.
fn drawn(db: &mut Db, vault: &Vault, facts: &LotFacts) -> Result<BTreeMap<String, Exact>, Failure> {
    let method = standing::method_of(facts).map_err(Refused::from)?;
    let records = expert_draw::actions::drawn_coefficients(db, vault, facts.lot)?;
    let mut drawn = BTreeMap::new();
    for (name, _) in method.to_draw() {
        let record = records.iter().find(|record| record.doc.name == name);
        let record = record
            .ok_or_else(|| Refused::new(409, "evaluation.refusal.no_coefficient").with("name", name))?;
        let value = Exact::parse(&record.result.value).ok_or_else(|| Fault::new("a damaged coefficient"))?;
        drawn.insert(name.to_owned(), value);
    }
    Ok(drawn)
}
