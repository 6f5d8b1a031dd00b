//! Bank notices: each movement is posted once, credited if it fits entirely, or put on the work list.

use super::{post, put, refused, tell_bidder};
use crate::deposit::bank_notice::{Arrival, BadNotice, Direction, Movement, Notice};
use crate::deposit::events::{Credited, Imported};
use crate::deposit::matching::{Expected, Finding, judge, same_account, same_money};
use crate::deposit::records::{Demand, NoticeRecord, Outcome, Posted, Refund, RefundState};
use crate::deposit::rules::{self, Refusal, State, Step};
use crate::deposit::virtual_account::{BankRange, VirtualAccount};
use crate::deposit::{bank_csv, camt054, store};
use crate::ledger::{Act, Subject};
use crate::message::rules::Notice as Message;
use crate::platform::digest::{b64u, sha256};
use crate::platform::id::Id;
use crate::platform::money::Fen;
use crate::platform::refusal::{Failure, Fault};
use crate::project;
use crate::project::phase::Phase;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// A notice file that was read, with its name and hash.
#[derive(Clone, Debug)]
pub struct ReadNotice {
    pub file_name: String,
    pub sha256: String,
    pub notice: Notice,
}

/// Reads a notice file, XML or CSV by its first character.
///
/// # Errors
/// The file can not be read; the refusal names line and reason.
pub fn read_notice(file_name: &str, bytes: &[u8]) -> Result<ReadNotice, Refusal> {
    let start = bytes.iter().find(|b| !b.is_ascii_whitespace() && !matches!(b, 0xef | 0xbb | 0xbf));
    let read = if start == Some(&b'<') { camt054::read(bytes) } else { bank_csv::read(bytes) };
    let notice = read.map_err(|BadNotice { line, reason }| Refusal::BadFile { line, reason })?;
    if notice.movements.is_empty() && notice.bad_lines.is_empty() && notice.not_booked.is_empty() {
        return Err(Refusal::NothingToImport);
    }
    let file_name = file_name.chars().filter(|c| !c.is_control()).take(120).collect();
    Ok(ReadNotice { file_name, sha256: b64u(&sha256(&[bytes])), notice })
}

/// What the movements of one import meet.
struct Desk {
    range: BankRange,
    lots: HashMap<Id<Lot>, LotFacts>,
    record: NoticeRecord,
}

/// 导入到账通知 Imports a notice. Importing the same file, or another file with the same movements, changes nothing more.
///
/// # Errors
/// The centre has no account, or the notice is about another account; a fault.
pub fn import(act: &mut Act<'_>, by: &str, read: &ReadNotice) -> Result<NoticeRecord, Failure> {
    let vault = act.vault().clone();
    store::take_turn(act.db())?;
    let Some(centre) = store::centre_account(act.db(), &vault)? else {
        return refused(Refusal::NoCentreAccount);
    };
    let range =
        BankRange::parse(&centre.range).ok_or_else(|| Fault::new("the stored number range is damaged"))?;
    let stranger =
        |m: &&Movement| !same_account(&m.account, &centre.account.number) && !range.holds(&m.account);
    if let Some(stranger) = read.notice.movements.iter().find(stranger) {
        return refused(Refusal::ForeignAccount { line: stranger.line, account: stranger.account.clone() });
    }
    let record = NoticeRecord {
        id: Id::random(),
        file_name: read.file_name.clone(),
        sha256: read.sha256.clone(),
        at: act.now(),
        by: by.to_string(),
        credited: 0,
        confirmed: 0,
        work_list: 0,
        duplicates: 0,
        conflicts: Vec::new(),
        not_booked: read
            .notice
            .not_booked
            .iter()
            .map(|n| (n.reference.clone().unwrap_or_default(), n.status.clone()))
            .collect(),
        bad_lines: read.notice.bad_lines.iter().map(|bad| (bad.line, bad.reason.clone())).collect(),
    };
    let mut desk = Desk { range, lots: HashMap::new(), record };
    for movement in &read.notice.movements {
        take_in(act, &mut desk, movement)?;
    }
    let record = desk.record;
    store::insert_notice(act.db(), &vault, &record)?;
    let event = Imported {
        notice: record.id,
        sha256: record.sha256.clone(),
        credited: record.credited,
        work_list: record.work_list,
        duplicates: record.duplicates,
        conflicts: u32::try_from(record.conflicts.len()).unwrap_or(u32::MAX),
    };
    act.enter(&Subject::None, &event)?;
    Ok(record)
}

fn take_in(act: &mut Act<'_>, desk: &mut Desk, movement: &Movement) -> Result<(), Failure> {
    let vault = act.vault().clone();
    if let Some(known) = store::movement_by_key(act.db(), &vault, &movement.key())? {
        if same_money(&known.movement, movement) {
            desk.record.duplicates += 1;
        } else {
            desk.record.conflicts.push(movement.reference.clone());
        }
        return Ok(());
    }
    let mut posted = Posted {
        id: Id::random(),
        movement: movement.clone(),
        notice: desk.record.id,
        imported_at: act.now(),
        outcome: Outcome::Waiting(Vec::new()),
    };
    if let Some(refund) = confirmed_refund(act, movement)? {
        desk.record.confirmed += 1;
        posted.outcome = Outcome::Confirmed(refund);
        store::insert_movement(act.db(), &vault, &posted)?;
        return Ok(super::batches::settle(act, refund, Some(posted.id))?);
    }
    let demand = match VirtualAccount::parse(&movement.paid_to) {
        Some(account) if movement.direction == Direction::In => {
            store::demand_behind(act.db(), &vault, &account)?
        }
        _ => None,
    };
    let expected = demand.as_ref().map(|demand| expected(act, desk, demand)).transpose()?;
    match (judge(movement, expected.as_ref(), &desk.range), demand) {
        (Finding::Pays, Some(demand)) => {
            desk.record.credited += 1;
            posted.outcome = Outcome::Credited(demand.id);
            store::insert_movement(act.db(), &vault, &posted)?;
            let entry = rules::credited(&demand.id.to_string(), movement.amount);
            post(act, entry, "credited")?;
            Ok(fill(act, demand, &posted, movement.amount)?)
        }
        (Finding::Pays, None) => Err(Fault::new("money can not pay a deposit that is not there").into()),
        (Finding::WorkList(reasons), _) => {
            desk.record.work_list += 1;
            posted.outcome = Outcome::Waiting(reasons);
            store::insert_movement(act.db(), &vault, &posted)?;
            let entry = rules::suspended(&posted.id.to_string(), movement.direction, movement.amount);
            Ok(post(act, entry, "suspended")?)
        }
    }
}

/// Adds `amount` of `posted` to what the deposit holds; the posting is the caller's.
pub(super) fn fill(act: &mut Act<'_>, mut demand: Demand, posted: &Posted, amount: Fen) -> Result<(), Fault> {
    let plus = |sum: Fen| sum.checked_add(amount).ok_or_else(|| Fault::new("more money than there is"));
    (demand.held, demand.credited) = (plus(demand.held)?, plus(demand.credited)?);
    let complete = demand.held >= demand.amount;
    if complete {
        demand.state = demand
            .state
            .after(Step::Complete, demand.held)
            .map_err(|_| Fault::new("a deposit was completed in a state that waits for nothing"))?;
        demand.paid_on = Some(match posted.movement.arrival {
            Arrival::At(at) => at.beijing_date(),
            Arrival::On(date) => date,
            Arrival::Unknown => act.now().beijing_date(),
        });
    }
    if let Some(account) = &posted.movement.payer.account {
        demand.paid_from.push(account.clone());
    }
    put(act, &demand)?;
    let event = Credited { deposit: demand.id, lot: demand.lot, amount, complete, movement: posted.id };
    act.enter(&Subject::sealed(demand.id), &event)?;
    if complete {
        tell_bidder(act, &demand, Message::DepositCredited)?;
    }
    Ok(())
}

/// The refund of ours that an outgoing movement reports: the reference is ours and the amount is right.
fn confirmed_refund(act: &mut Act<'_>, movement: &Movement) -> Result<Option<Id<Refund>>, Fault> {
    let ours = movement.end_to_end.as_deref().and_then(Id::<Refund>::parse);
    let Some(id) = ours.filter(|_| movement.direction == Direction::Out) else { return Ok(None) };
    let vault = act.vault().clone();
    let refund = store::refund(act.db(), &vault, id)?;
    Ok(refund
        .filter(|r| r.state != RefundState::Due && r.confirmed_by.is_none() && r.total() == movement.amount)
        .map(|r| r.id))
}

fn expected(act: &mut Act<'_>, desk: &mut Desk, demand: &Demand) -> Result<Expected, Failure> {
    let now = act.now();
    let facts = match desk.lots.entry(demand.lot) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => new.insert(project::store::known_lot(act.db(), demand.lot)?),
    };
    let ended = matches!(facts.phase(now), Phase::Cancelled | Phase::Unsuccessful);
    Ok(Expected {
        awaited: demand.state == State::Demanded && !ended,
        outstanding: demand.outstanding(),
        deadline: facts.plan()?.bid_deadline(),
        bidder_name: demand.bidder_name.clone(),
        bidder_account: demand.declared.number.clone(),
    })
}
