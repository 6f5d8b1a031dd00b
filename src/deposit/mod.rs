//! 保证金 Deposits: money in, matched, held, given back.
//!
//! A bidder asks for an account number for one lot and pays into it. The bank's notices (ISO 20022 camt.054.001.08, or a
//! plain CSV) are imported by the treasurer; money that fits exactly is credited, everything else goes to a work list
//! with reasons and waits for the treasurer. When the deadline has passed deposits are frozen; when a bid was withdrawn,
//! a lot was not opened, or a contract was signed, refunds become due by the date of the rulebook and leave in batches
//! (pain.001.001.09) that the bank confirms.
//!
//! Who comes in: bidders (their own deposits), the treasurer (all). Nobody else learns before the opening that a deposit
//! exists: rows carry random ids, keyed tags and sealed contents, and the virtual account number names neither bidder
//! nor lot. Later rooms tell this one what happened (`actions::bidding_closed`, `actions::refunds_due`).
//!
//! Law: 招标投标法实施条例 第二十六、三十一、三十五、四十、五十七、七十四条; 政府采购法实施条例 第三十三条.
//!
//! Invariants: one movement of the bank is posted once, whatever file repeats it; money is never attributed by name,
//! amount or remark; money booked at or after the deadline never pays a deposit; every entry balances to the fen and the
//! trial balance is checked within each act.
//!
//! Tables: `deposit_demand`, `deposit_account`, `deposit_notice`, `deposit_movement`, `deposit_refund`,
//! `deposit_batch`, `deposit_posting`, `deposit_book`. Formats: `docs/formats/bank.md`.

pub mod actions;
pub mod bank_csv;
pub mod bank_notice;
pub mod bounded_xml;
pub mod camt054;
pub mod double_entry;
pub mod events;
pub mod jobs;
pub mod matching;
pub mod pages;
pub mod pain001;
pub mod records;
pub mod rules;
pub mod store;
pub mod virtual_account;

pub mod testing;
#[cfg(test)]
mod tests;
