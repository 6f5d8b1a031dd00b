//! What the evaluation works on: the bids that the opening found, the numbers that were drawn, the people who accepted
//! their seats. Read once, when the committee is formed.

use super::actions::Invited;
use super::committee::SeatKind;
use super::decimal::Exact;
use super::price_score::Enterprise;
use super::report::BidInput;
use super::standing::{self, Holder, Opened};
use crate::expert_draw;
use crate::expert_draw::rules::Answer;
use crate::opening;
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
use crate::sealed_bid::rules::envelopes_of;
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

/// What the opening found: who bid, at which prices, and the numbers that were drawn. With two envelopes the bids come
/// without prices until the second opening; see [`prices`].
///
/// # Errors
/// Refused before the opening, and while a coefficient is not drawn yet.
pub fn opened(db: &mut Db, vault: &Vault, facts: &LotFacts) -> Result<Opened, Failure> {
    let first = *envelopes_of(&facts.terms).first().unwrap_or(&EnvelopeKind::Single);
    let closing =
        opening::store::closing(db, facts.lot)?.ok_or_else(|| Refused::from(super::rules::Refusal::Phase))?;
    let rows = opening::store::opened_bids(db, facts.lot, first)?;
    let (mut bids, mut bidders) = (Vec::new(), BTreeMap::new());
    for (number, row) in (1..).zip(&rows) {
        let label = format!("b{number}");
        let organisation = party::store::get(db, row.organisation)?;
        bids.push(BidInput {
            bid: label.clone(),
            bidder: organisation.map(|found| found.name).unwrap_or_default(),
            price: price_of(row).unwrap_or_default(),
            enterprise: Enterprise::Ordinary,
            statement: None,
            correction: None,
            adjustments: Vec::new(),
        });
        bidders.insert(label, row.organisation);
    }
    Ok(Opened {
        bids_at_deadline: closing.bidders,
        bids,
        bidders,
        drawn: drawn(db, vault, facts)?,
        // fixed by the log when the box was closed; no bidder could know it
        tie_seed: Some(b64u(&closing.root)),
    })
}

fn price_of(row: &opening::store::BidRow) -> Option<Fen> {
    row.document.as_ref().and_then(|document| document.form.get("price")).and_then(|price| Fen::parse(price))
}

/// The prices of the second envelope, by the labels of the first.
///
/// # Errors
/// The database fails.
pub fn prices(
    db: &mut Db,
    lot: Id<Lot>,
    bidders: &BTreeMap<String, Id<Organisation>>,
) -> Result<BTreeMap<String, Fen>, Fault> {
    let rows = opening::store::opened_bids(db, lot, EnvelopeKind::Commercial)?;
    let price = |organisation: Id<Organisation>| {
        rows.iter().find(|row| row.organisation == organisation).and_then(price_of)
    };
    Ok(bidders.iter().filter_map(|(label, bidder)| Some((label.clone(), price(*bidder)?))).collect())
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
