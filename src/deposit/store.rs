//! All SQL on the deposit tables. Records are sealed by the vault and padded, so that not even their length tells more
//! than their kind; see [`super::records`].

use super::double_entry::{Account, Book, Entry};
use super::records::{
    BatchRecord, CentreAccount, Demand, Deposit, JournalLine, Money, NoticeRecord, Posted, Refund,
    RefundBatch, RefundRecord, RefundState, Totals,
};
use super::rules::{self, State};
use super::virtual_account::VirtualAccount;
use crate::party::rules::Organisation;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::project::rules::Lot;
use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

diesel::table! {
    deposit_demand (id) {
        id -> Text,
        tag -> Text,
        account_tag -> Text,
        bidder_tag -> Text,
        lot_tag -> Nullable<Text>,
        open -> Bool,
        sealed -> Binary,
    }
}
diesel::table! {
    deposit_account (id) {
        id -> Integer,
        sealed -> Binary,
    }
}
diesel::table! {
    deposit_notice (id) {
        id -> Text,
        at -> BigInt,
        sealed -> Binary,
    }
}
diesel::table! {
    deposit_movement (id) {
        id -> Text,
        key_tag -> Text,
        waiting -> Bool,
        sealed -> Binary,
    }
}
diesel::table! {
    deposit_refund (id) {
        id -> Text,
        open -> Bool,
        sealed -> Binary,
    }
}
diesel::table! {
    deposit_batch (id) {
        id -> Text,
        at -> BigInt,
        sealed -> Binary,
    }
}
diesel::table! {
    deposit_posting (entry, line) {
        entry -> BigInt,
        line -> Integer,
        sealed -> Binary,
    }
}
diesel::table! {
    deposit_book (id) {
        id -> Integer,
        entries -> BigInt,
        sealed -> Nullable<Binary>,
    }
}

/// Sealed records are padded to a multiple of this many bytes.
const PAD_BYTES: usize = 2048;
/// Journal lines are smaller and many.
const PAD_LINE_BYTES: usize = 512;

const DEMAND: &str = "deposit/demand";
const ACCOUNT: &str = "deposit/account";
const NOTICE: &str = "deposit/notice";
const MOVEMENT: &str = "deposit/movement";
const REFUND: &str = "deposit/refund";
const BATCH: &str = "deposit/batch";
const POSTING: &str = "deposit/posting";
const BOOK: &str = "deposit/book";

fn seal<T: Serialize>(vault: &Vault, purpose: &str, record: &T, pad: usize) -> Result<Vec<u8>, Fault> {
    Ok(vault.seal_padded(purpose, serde_json::to_vec(record)?, pad))
}

fn open<T: DeserializeOwned>(vault: &Vault, purpose: &str, sealed: &[u8]) -> Result<T, Fault> {
    Ok(serde_json::from_slice(&vault.open(purpose, sealed)?)?)
}

fn pair_tag(vault: &Vault, lot: Id<Lot>, bidder: Id<Organisation>) -> String {
    vault.tag("deposit/pair", &[&lot.to_bytes(), &bidder.to_bytes()])
}

fn account_tag(vault: &Vault, account: &VirtualAccount) -> String {
    vault.tag("deposit/account", &[account.as_str().as_bytes()])
}

fn bidder_tag(vault: &Vault, bidder: Id<Organisation>) -> String {
    vault.tag("deposit/bidder", &[&bidder.to_bytes()])
}

fn lot_tag(vault: &Vault, lot: Id<Lot>) -> String {
    vault.tag("deposit/lot", &[&lot.to_bytes()])
}

/// Where the deposit of `bidder` for `lot` stands: the door for later rooms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    pub deposit: Id<Deposit>,
    pub state: State,
    pub amount: Fen,
    pub held: Fen,
}

/// The state of one deposit; `None` if the bidder never asked for an account. Secret until the lot is opened: only the
/// bidder and the treasurer may be shown it.
pub fn state_of(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    bidder: Id<Organisation>,
) -> Result<Option<Standing>, Fault> {
    let demand = demand_of(db, vault, lot, bidder)?;
    Ok(demand.map(|d| Standing { deposit: d.id, state: d.state, amount: d.amount, held: d.held }))
}

/// All deposits of a lot. Secret until the lot is opened.
pub fn of_lot(db: &mut Db, vault: &Vault, lot: Id<Lot>) -> Result<Vec<Demand>, Fault> {
    let rows: Vec<Vec<u8>> = deposit_demand::table
        .filter(deposit_demand::lot_tag.eq(lot_tag(vault, lot)).or(deposit_demand::lot_tag.is_null()))
        .order(deposit_demand::id)
        .select(deposit_demand::sealed)
        .load(db)?;
    let all: Result<Vec<Demand>, Fault> = rows.iter().map(|row| open(vault, DEMAND, row)).collect();
    Ok(all?.into_iter().filter(|demand| demand.lot == lot).collect())
}

/// Bidders of a lot for whom one account paid or is declared, in groups: a sign of collusion (招标投标法实施条例 第四十条).
pub fn same_payers(db: &mut Db, vault: &Vault, lot: Id<Lot>) -> Result<Vec<Vec<Demand>>, Fault> {
    Ok(grouped_payers(&of_lot(db, vault, lot)?))
}

/// The groups of [`same_payers`] among `demands`.
pub fn grouped_payers(demands: &[Demand]) -> Vec<Vec<Demand>> {
    let accounts = |demand: &Demand| {
        let declared = std::iter::once(demand.declared.number.clone());
        declared.chain(demand.paid_from.iter().cloned()).collect::<std::collections::BTreeSet<_>>()
    };
    let payers: Vec<(Id<Deposit>, String)> =
        demands.iter().flat_map(|d| accounts(d).into_iter().map(|account| (d.id, account))).collect();
    let mut groups: Vec<Vec<Demand>> = Vec::new();
    for group in rules::same_payer(&payers) {
        let ids: Vec<Id<Deposit>> =
            group.iter().filter_map(|place| payers.get(*place)).map(|(id, _)| *id).collect();
        groups.push(demands.iter().filter(|demand| ids.contains(&demand.id)).cloned().collect());
    }
    groups
}

/// The deposit of one bidder for one lot.
pub(crate) fn demand_of(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    bidder: Id<Organisation>,
) -> Result<Option<Demand>, Fault> {
    let row: Option<Vec<u8>> = deposit_demand::table
        .filter(deposit_demand::tag.eq(pair_tag(vault, lot, bidder)))
        .select(deposit_demand::sealed)
        .first(db)
        .optional()?;
    row.map(|row| open(vault, DEMAND, &row)).transpose()
}

/// One deposit by its id.
pub(crate) fn demand(db: &mut Db, vault: &Vault, id: Id<Deposit>) -> Result<Option<Demand>, Fault> {
    let row: Option<Vec<u8>> =
        deposit_demand::table.find(id.to_string()).select(deposit_demand::sealed).first(db).optional()?;
    row.map(|row| open(vault, DEMAND, &row)).transpose()
}

/// The deposit behind a virtual account number.
pub(crate) fn demand_behind(
    db: &mut Db,
    vault: &Vault,
    account: &VirtualAccount,
) -> Result<Option<Demand>, Fault> {
    let row: Option<Vec<u8>> = deposit_demand::table
        .filter(deposit_demand::account_tag.eq(account_tag(vault, account)))
        .select(deposit_demand::sealed)
        .first(db)
        .optional()?;
    row.map(|row| open(vault, DEMAND, &row)).transpose()
}

/// All deposits of a bidder, newest first.
pub(crate) fn demands_by(db: &mut Db, vault: &Vault, bidder: Id<Organisation>) -> Result<Vec<Demand>, Fault> {
    let rows: Vec<Vec<u8>> = deposit_demand::table
        .filter(deposit_demand::bidder_tag.eq(bidder_tag(vault, bidder)))
        .select(deposit_demand::sealed)
        .load(db)?;
    newest_first(vault, &rows)
}

/// All deposits that are neither given back nor kept, newest first.
pub(crate) fn open_demands(db: &mut Db, vault: &Vault) -> Result<Vec<Demand>, Fault> {
    let rows: Vec<Vec<u8>> = deposit_demand::table
        .filter(deposit_demand::open.eq(true))
        .select(deposit_demand::sealed)
        .load(db)?;
    newest_first(vault, &rows)
}

fn newest_first(vault: &Vault, rows: &[Vec<u8>]) -> Result<Vec<Demand>, Fault> {
    let mut demands: Vec<Demand> =
        rows.iter().map(|row| open(vault, DEMAND, row)).collect::<Result<_, _>>()?;
    demands.sort_by_key(|demand| (std::cmp::Reverse(demand.asked_at), demand.id));
    Ok(demands)
}

pub(super) fn insert_demand(db: &mut Db, vault: &Vault, demand: &Demand) -> Result<(), Fault> {
    diesel::insert_into(deposit_demand::table)
        .values((
            deposit_demand::id.eq(demand.id.to_string()),
            deposit_demand::tag.eq(pair_tag(vault, demand.lot, demand.bidder)),
            deposit_demand::account_tag.eq(account_tag(vault, &demand.account)),
            deposit_demand::bidder_tag.eq(bidder_tag(vault, demand.bidder)),
            deposit_demand::open.eq(true),
            deposit_demand::sealed.eq(seal(vault, DEMAND, demand, PAD_BYTES)?),
        ))
        .execute(db)?;
    Ok(())
}

/// Writes what changed about a deposit.
pub(super) fn put_demand(db: &mut Db, vault: &Vault, demand: &Demand) -> Result<(), Fault> {
    diesel::update(deposit_demand::table.find(demand.id.to_string()))
        .set((
            deposit_demand::open.eq(!demand.state.is_final()),
            deposit_demand::sealed.eq(seal(vault, DEMAND, demand, PAD_BYTES)?),
        ))
        .execute(db)?;
    Ok(())
}

/// Once a lot's bidding is closed its deposits may be found by their lot, without reading all others.
pub(super) fn mark_lot(db: &mut Db, vault: &Vault, demand: &Demand) -> Result<(), Fault> {
    diesel::update(deposit_demand::table.find(demand.id.to_string()))
        .set(deposit_demand::lot_tag.eq(lot_tag(vault, demand.lot)))
        .execute(db)?;
    Ok(())
}

/// The centre's account at its bank; `None` until a treasurer entered it.
pub(crate) fn centre_account(db: &mut Db, vault: &Vault) -> Result<Option<CentreAccount>, Fault> {
    let row: Option<Vec<u8>> =
        deposit_account::table.find(1).select(deposit_account::sealed).first(db).optional()?;
    row.map(|row| open(vault, ACCOUNT, &row)).transpose()
}

pub(super) fn put_centre_account(db: &mut Db, vault: &Vault, account: &CentreAccount) -> Result<(), Fault> {
    let sealed = seal(vault, ACCOUNT, account, PAD_BYTES)?;
    let updated = diesel::update(deposit_account::table.find(1))
        .set(deposit_account::sealed.eq(&sealed))
        .execute(db)?;
    if updated == 0 {
        diesel::insert_into(deposit_account::table)
            .values((deposit_account::id.eq(1), deposit_account::sealed.eq(&sealed)))
            .execute(db)?;
    }
    Ok(())
}

pub(super) fn insert_notice(db: &mut Db, vault: &Vault, notice: &NoticeRecord) -> Result<(), Fault> {
    diesel::insert_into(deposit_notice::table)
        .values((
            deposit_notice::id.eq(notice.id.to_string()),
            deposit_notice::at.eq(notice.at.micros()),
            deposit_notice::sealed.eq(seal(vault, NOTICE, notice, PAD_BYTES)?),
        ))
        .execute(db)?;
    Ok(())
}

/// The newest imports.
pub(crate) fn notices(db: &mut Db, vault: &Vault, most: i64) -> Result<Vec<NoticeRecord>, Fault> {
    let rows: Vec<Vec<u8>> = deposit_notice::table
        .order((deposit_notice::at.desc(), deposit_notice::id))
        .limit(most)
        .select(deposit_notice::sealed)
        .load(db)?;
    rows.iter().map(|row| open(vault, NOTICE, row)).collect()
}

fn key_tag(vault: &Vault, key: &[u8; 32]) -> String {
    vault.tag("deposit/movement", &[key])
}

/// The movement with this idempotency key, if it was posted before.
pub(super) fn movement_by_key(db: &mut Db, vault: &Vault, key: &[u8; 32]) -> Result<Option<Posted>, Fault> {
    let row: Option<Vec<u8>> = deposit_movement::table
        .filter(deposit_movement::key_tag.eq(key_tag(vault, key)))
        .select(deposit_movement::sealed)
        .first(db)
        .optional()?;
    row.map(|row| open(vault, MOVEMENT, &row)).transpose()
}

pub(super) fn insert_movement(db: &mut Db, vault: &Vault, posted: &Posted) -> Result<(), Fault> {
    diesel::insert_into(deposit_movement::table)
        .values((
            deposit_movement::id.eq(posted.id.to_string()),
            deposit_movement::key_tag.eq(key_tag(vault, &posted.movement.key())),
            deposit_movement::waiting.eq(posted.waits()),
            deposit_movement::sealed.eq(seal(vault, MOVEMENT, posted, PAD_BYTES)?),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn put_movement(db: &mut Db, vault: &Vault, posted: &Posted) -> Result<(), Fault> {
    diesel::update(deposit_movement::table.find(posted.id.to_string()))
        .set((
            deposit_movement::waiting.eq(posted.waits()),
            deposit_movement::sealed.eq(seal(vault, MOVEMENT, posted, PAD_BYTES)?),
        ))
        .execute(db)?;
    Ok(())
}

/// One movement by its id.
pub(crate) fn movement(db: &mut Db, vault: &Vault, id: Id<Money>) -> Result<Option<Posted>, Fault> {
    let row: Option<Vec<u8>> =
        deposit_movement::table.find(id.to_string()).select(deposit_movement::sealed).first(db).optional()?;
    row.map(|row| open(vault, MOVEMENT, &row)).transpose()
}

/// The work list, oldest first.
pub(crate) fn work_list(db: &mut Db, vault: &Vault) -> Result<Vec<Posted>, Fault> {
    let rows: Vec<Vec<u8>> = deposit_movement::table
        .filter(deposit_movement::waiting.eq(true))
        .select(deposit_movement::sealed)
        .load(db)?;
    let mut items: Vec<Posted> =
        rows.iter().map(|row| open(vault, MOVEMENT, row)).collect::<Result<_, _>>()?;
    items.sort_by_key(|item| (item.imported_at, item.id));
    Ok(items)
}

pub(super) fn put_refund(db: &mut Db, vault: &Vault, refund: &RefundRecord) -> Result<(), Fault> {
    let open = refund.state != RefundState::Paid;
    let sealed = seal(vault, REFUND, refund, PAD_BYTES)?;
    let updated = diesel::update(deposit_refund::table.find(refund.id.to_string()))
        .set((deposit_refund::open.eq(open), deposit_refund::sealed.eq(&sealed)))
        .execute(db)?;
    if updated == 0 {
        diesel::insert_into(deposit_refund::table)
            .values((
                deposit_refund::id.eq(refund.id.to_string()),
                deposit_refund::open.eq(open),
                deposit_refund::sealed.eq(&sealed),
            ))
            .execute(db)?;
    }
    Ok(())
}

/// Takes back a refund that was never ordered (the deposit is stopped).
pub(super) fn remove_due_refund(db: &mut Db, id: Id<Refund>) -> Result<(), Fault> {
    diesel::delete(deposit_refund::table.find(id.to_string())).execute(db)?;
    Ok(())
}

/// One refund by its id.
pub(crate) fn refund(db: &mut Db, vault: &Vault, id: Id<Refund>) -> Result<Option<RefundRecord>, Fault> {
    let row: Option<Vec<u8>> =
        deposit_refund::table.find(id.to_string()).select(deposit_refund::sealed).first(db).optional()?;
    row.map(|row| open(vault, REFUND, &row)).transpose()
}

/// Refunds that are not paid yet, the most urgent first.
pub(crate) fn open_refunds(db: &mut Db, vault: &Vault) -> Result<Vec<RefundRecord>, Fault> {
    let rows: Vec<Vec<u8>> = deposit_refund::table
        .filter(deposit_refund::open.eq(true))
        .select(deposit_refund::sealed)
        .load(db)?;
    let mut refunds: Vec<RefundRecord> =
        rows.iter().map(|row| open(vault, REFUND, row)).collect::<Result<_, _>>()?;
    refunds.sort_by_key(|refund| (refund.due_on, refund.id));
    Ok(refunds)
}

pub(super) fn insert_batch(db: &mut Db, vault: &Vault, batch: &BatchRecord) -> Result<(), Fault> {
    diesel::insert_into(deposit_batch::table)
        .values((
            deposit_batch::id.eq(batch.id.to_string()),
            deposit_batch::at.eq(batch.made_at.micros()),
            deposit_batch::sealed.eq(seal(vault, BATCH, batch, PAD_BYTES)?),
        ))
        .execute(db)?;
    Ok(())
}

/// One batch by its id.
pub(crate) fn batch(db: &mut Db, vault: &Vault, id: Id<RefundBatch>) -> Result<Option<BatchRecord>, Fault> {
    let row: Option<Vec<u8>> =
        deposit_batch::table.find(id.to_string()).select(deposit_batch::sealed).first(db).optional()?;
    row.map(|row| open(vault, BATCH, &row)).transpose()
}

/// The newest batches.
pub(crate) fn batches(db: &mut Db, vault: &Vault, most: i64) -> Result<Vec<BatchRecord>, Fault> {
    let rows: Vec<Vec<u8>> = deposit_batch::table
        .order((deposit_batch::at.desc(), deposit_batch::id))
        .limit(most)
        .select(deposit_batch::sealed)
        .load(db)?;
    rows.iter().map(|row| open(vault, BATCH, row)).collect()
}

/// Makes acts that touch money follow each other, on PostgreSQL by the lock of the book's row; every such act calls
/// this before it reads what it will change. (On SQLite acts follow each other anyway.)
pub(super) fn take_turn(db: &mut Db) -> Result<(), Fault> {
    let held = diesel::update(deposit_book::table.find(1))
        .set(deposit_book::entries.eq(deposit_book::entries + 0))
        .execute(db)?;
    if held == 1 { Ok(()) } else { Err(Fault::new("the deposit book has no row")) }
}

/// Posts a balanced entry and checks that the whole book still balances; otherwise the act is undone.
pub(super) fn post(db: &mut Db, vault: &Vault, entry: &Entry, at: Moment, cause: &str) -> Result<(), Fault> {
    let (number, mut totals) = book_row(db, vault)?;
    for (line, posting) in entry.postings().iter().enumerate() {
        let kept = JournalLine { posting: posting.clone(), at, cause: cause.to_string() };
        diesel::insert_into(deposit_posting::table)
            .values((
                deposit_posting::entry.eq(number),
                deposit_posting::line.eq(i32::try_from(line)?),
                deposit_posting::sealed.eq(seal(vault, POSTING, &kept, PAD_LINE_BYTES)?),
            ))
            .execute(db)?;
        totals.add(posting).ok_or_else(|| Fault::new("the deposit book has left the range of money"))?;
    }
    if !totals.balance() {
        return Err(Fault::new(format!("the deposit book does not balance after {cause}: {totals:?}")));
    }
    diesel::update(deposit_book::table.find(1))
        .set((
            deposit_book::entries.eq(number + 1),
            deposit_book::sealed.eq(seal(vault, BOOK, &totals, PAD_LINE_BYTES)?),
        ))
        .execute(db)?;
    Ok(())
}

fn book_row(db: &mut Db, vault: &Vault) -> Result<(i64, Totals), Fault> {
    let (entries, sealed): (i64, Option<Vec<u8>>) =
        deposit_book::table.find(1).select((deposit_book::entries, deposit_book::sealed)).first(db)?;
    let totals = sealed.map(|sealed| open(vault, BOOK, &sealed)).transpose()?;
    Ok((entries, totals.unwrap_or_default()))
}

/// The totals that acts keep, and how many entries there are.
pub(crate) fn totals(db: &mut Db, vault: &Vault) -> Result<(i64, Totals), Fault> {
    book_row(db, vault)
}

/// The journal's last `most` entries: (number, lines), newest first.
pub(crate) fn journal(db: &mut Db, vault: &Vault, most: i64) -> Result<Vec<(i64, Vec<JournalLine>)>, Fault> {
    let (entries, _) = book_row(db, vault)?;
    let rows: Vec<(i64, Vec<u8>)> = deposit_posting::table
        .filter(deposit_posting::entry.ge(entries - most))
        .order((deposit_posting::entry.desc(), deposit_posting::line))
        .select((deposit_posting::entry, deposit_posting::sealed))
        .load(db)?;
    let mut found: Vec<(i64, Vec<JournalLine>)> = Vec::new();
    for (number, sealed) in rows {
        let line: JournalLine = open(vault, POSTING, &sealed)?;
        match found.last_mut() {
            Some((last, lines)) if *last == number => lines.push(line),
            _ => found.push((number, vec![line])),
        }
    }
    Ok(found)
}

/// The whole book, added up from its first line: what the kept totals are checked against.
pub(crate) fn whole_book(db: &mut Db, vault: &Vault) -> Result<Book, Fault> {
    let mut book = Book::default();
    let mut from = 0;
    loop {
        let rows: Vec<(i64, Vec<u8>)> = deposit_posting::table
            .filter(deposit_posting::entry.ge(from).and(deposit_posting::entry.lt(from + 10_000)))
            .select((deposit_posting::entry, deposit_posting::sealed))
            .load(db)?;
        if rows.is_empty() {
            return Ok(book);
        }
        for (_, sealed) in &rows {
            book.add(&open::<JournalLine>(vault, POSTING, sealed)?.posting);
        }
        from += 10_000;
    }
}

/// Whether the kept totals say the same as the whole journal.
pub(crate) fn totals_are_true(totals: &Totals, book: &Book) -> bool {
    Account::ALL.iter().all(|a| totals.0.get(a.code()).copied().unwrap_or_default() == book.total(*a))
}
