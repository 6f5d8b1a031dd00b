//! Whether these people may sit together: the law's committee, the one that the tender documents announced, and nobody
//! who is tied to a bidder.

use super::committee::{self, CommitteeRule, Interest, Seat, Tie, check_avoidance};
use super::rules::Refusal;
use super::standing::{Opened, SeatFacts};
use crate::expert_draw::actions::ties;
use crate::expert_draw::eligibility::{Removal, unit_key};
use crate::ledger::Act;
use crate::party;
use crate::platform::refusal::{Failure, Refused};
use crate::project::standing::LotFacts;

fn refuse(refusal: Refusal) -> Failure {
    Refused::from(refusal).into()
}

/// A seat without its holder.
pub(super) fn public_seat(seat: &SeatFacts) -> Seat {
    Seat { member: seat.member.clone(), kind: seat.kind, leader: seat.leader }
}

/// Whether these seats make a lawful committee, and the one that the tender documents announced.
///
/// # Errors
/// Refused with what is wrong; the rulebook is not known.
pub(super) fn check_seats(facts: &LotFacts, seats: &[SeatFacts]) -> Result<(), Failure> {
    let rule = CommitteeRule::of(facts.book()?, facts.terms.budget);
    let public: Vec<Seat> = seats.iter().map(public_seat).collect();
    committee::check(&public, &rule).map_err(refuse)?;
    for (i, seat) in seats.iter().enumerate() {
        if seats.iter().take(i).any(|other| other.holder.person == seat.holder.person) {
            return Err(refuse(Refusal::CommitteeSamePersonTwice { person: seat.member.clone() }));
        }
    }
    committee::check_plan(&public, facts.terms.committee).map_err(refuse)
}

/// Whether nobody on these seats is tied to somebody who bid: by their own organisation, or by what the pool of experts
/// knows of present and former employers and declared interests.
///
/// # Errors
/// Refused with the seat and the kind of tie, never with the bidder's name; the database fails.
pub(super) fn check_interests(
    act: &mut Act<'_>,
    facts: &LotFacts,
    opened: &Opened,
    seats: &[SeatFacts],
) -> Result<(), Failure> {
    let (now, vault) = (act.now(), act.vault().clone());
    let ids: Vec<_> = opened.bidders.values().copied().collect();
    let bidders = party::store::all_of(act.db(), &ids)?;
    let units: Vec<String> = bidders.into_iter().flat_map(|found| [found.name, found.credit_code]).collect();
    let people: Vec<_> = seats.iter().map(|seat| seat.holder.person).collect();
    let known = ties(act.db(), &vault, facts, &people, &units, now)?;
    let mut found = Vec::new();
    for seat in seats {
        let tie = |organisation, interest| Tie { member: seat.member.clone(), organisation, interest };
        found.push(tie(unit_key(&seat.holder.organisation), Interest::Employed));
        let own = known.iter().filter(|(person, ..)| *person == seat.holder.person);
        found.extend(own.map(|(_, reason, unit)| tie(unit.clone(), interest_of(*reason))));
    }
    let units: Vec<String> = units.iter().map(|unit| unit_key(unit)).collect();
    check_avoidance(&found, &units).map_err(refuse)
}

const fn interest_of(reason: Removal) -> Interest {
    match reason {
        Removal::Employer => Interest::Employed,
        Removal::FormerEmployer => Interest::FormerlyEmployed,
        Removal::Declared | Removal::NotActive | Removal::NoStratum => Interest::Other,
    }
}
