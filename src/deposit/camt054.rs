//! Reader of ISO 20022 camt.054.001.08 (bank-to-customer debit/credit notification).
//!
//! The elements that carry money are checked against the order and multiplicity of the schema, so that a field in the
//! wrong place stops the file instead of being overlooked; parts that we do not use are stepped over. The file is taken
//! whole or not at all: a bank's notice with one broken entry is a fault at the bank, not something to repair here.
//! `docs/formats/bank.md` says which fields we read and why.

use super::bank_notice::{
    Arrival, BadNotice, Direction, MOVEMENTS_MAX, Movement, NOTICE_BYTES_MAX, NotBooked, Notice, Payer,
    Trouble, arrival, clip, exact_amount,
};
use super::bounded_xml::{self, Element};
use crate::platform::money::Fen;
use std::collections::HashSet;

/// The namespace of the one version that is read.
pub const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:camt.054.001.08";

/// How often a child may occur.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Times {
    Once,
    Optional,
    Many,
}
use Times::{Many, Once, Optional};

/// The children of an element in schema order.
type Sequence = &'static [(&'static str, Times)];

const MESSAGE: Sequence = &[("GrpHdr", Once), ("Ntfctn", Many), ("SplmtryData", Many)];
const NOTIFICATION: Sequence = &[
    ("Id", Once),
    ("NtfctnPgntn", Optional),
    ("ElctrncSeqNb", Optional),
    ("RptgSeq", Optional),
    ("LglSeqNb", Optional),
    ("CreDtTm", Optional),
    ("FrToDt", Optional),
    ("CpyDplctInd", Optional),
    ("RptgSrc", Optional),
    ("Acct", Once),
    ("RltdAcct", Optional),
    ("Intrst", Many),
    ("TxsSummry", Optional),
    ("Ntry", Many),
    ("AddtlNtfctnInf", Optional),
];
const ENTRY: Sequence = &[
    ("NtryRef", Optional),
    ("Amt", Once),
    ("CdtDbtInd", Once),
    ("RvslInd", Optional),
    ("Sts", Once),
    ("BookgDt", Optional),
    ("ValDt", Optional),
    ("AcctSvcrRef", Optional),
    ("Avlbty", Many),
    ("BkTxCd", Once),
    ("ComssnWvrInd", Optional),
    ("AddtlInfInd", Optional),
    ("AmtDtls", Optional),
    ("Chrgs", Optional),
    ("TechInptChanl", Optional),
    ("Intrst", Optional),
    ("CardTx", Optional),
    ("NtryDtls", Many),
    ("AddtlNtryInf", Optional),
];
const ENTRY_DETAILS: Sequence = &[("Btch", Optional), ("TxDtls", Many)];
const TRANSACTION: Sequence = &[
    ("Refs", Optional),
    ("Amt", Optional),
    ("CdtDbtInd", Optional),
    ("AmtDtls", Optional),
    ("Avlbty", Many),
    ("BkTxCd", Optional),
    ("Chrgs", Optional),
    ("Intrst", Optional),
    ("RltdPties", Optional),
    ("RltdAgts", Optional),
    ("LclInstrm", Optional),
    ("Purp", Optional),
    ("RltdRmtInf", Many),
    ("RmtInf", Optional),
    ("RltdDts", Optional),
    ("RltdPric", Optional),
    ("RltdQties", Many),
    ("FinInstrmId", Optional),
    ("Tax", Optional),
    ("RtrInf", Optional),
    ("CorpActn", Optional),
    ("SfkpgAcct", Optional),
    ("CshDpst", Many),
    ("CardTx", Optional),
    ("AddtlTxInf", Optional),
    ("SplmtryData", Many),
];
const PARTIES: Sequence = &[
    ("InitgPty", Optional),
    ("Dbtr", Optional),
    ("DbtrAcct", Optional),
    ("UltmtDbtr", Optional),
    ("Cdtr", Optional),
    ("CdtrAcct", Optional),
    ("UltmtCdtr", Optional),
    ("TradgPty", Optional),
    ("Prtry", Many),
];

/// Reads one notice file.
pub fn read(bytes: &[u8]) -> Result<Notice, BadNotice> {
    let root = bounded_xml::read(bytes, NAMESPACE, NOTICE_BYTES_MAX)?;
    if root.name != "Document" {
        return Err(root.refuse(Trouble::of("root_name", [&root.name])));
    }
    ordered(&root, &[("BkToCstmrDbtCdtNtfctn", Once)])?;
    let message = needed(&root, "BkToCstmrDbtCdtNtfctn")?;
    ordered(message, MESSAGE)?;
    let header = needed(message, "GrpHdr")?;
    let mut notice = Notice { message: text_of(header, "MsgId", 35)?, ..Notice::default() };
    let notifications: Vec<&Element> = message.all("Ntfctn").collect();
    if notifications.is_empty() {
        return Err(message.refuse(Trouble::of("missing_element", [&message.name, &"Ntfctn"])));
    }
    let mut seen = HashSet::new();
    for notification in notifications {
        read_notification(notification, &mut notice, &mut seen)?;
    }
    Ok(notice)
}

fn read_notification(
    notification: &Element,
    notice: &mut Notice,
    seen: &mut HashSet<[u8; 32]>,
) -> Result<(), BadNotice> {
    ordered(notification, NOTIFICATION)?;
    text_of(notification, "Id", 35)?;
    let account = account_number(needed(notification, "Acct")?)?;
    for entry in notification.all("Ntry") {
        ordered(entry, ENTRY)?;
        let status = status_of(entry)?;
        if status != "BOOK" {
            let reference = entry.child("AcctSvcrRef").or(entry.child("NtryRef")).map(|e| clip(&e.text));
            notice.not_booked.push(NotBooked { line: entry.line, reference, status });
            continue;
        }
        for movement in read_entry(entry, &account)? {
            if !seen.insert(movement.key()) {
                let reason = Trouble::of("reference_twice", [&movement.reference]);
                return Err(BadNotice::at(movement.line, reason));
            }
            notice.movements.push(movement);
            if notice.movements.len() > MOVEMENTS_MAX {
                return Err(entry.refuse(Trouble::of("too_many_movements", [&MOVEMENTS_MAX])));
            }
        }
    }
    Ok(())
}

/// One booked entry: one movement, or, for a batch, one per transaction, which must add up to the entry.
fn read_entry(entry: &Element, account: &str) -> Result<Vec<Movement>, BadNotice> {
    let total = amount_of(needed(entry, "Amt")?)?;
    let mut details = Vec::new();
    for group in entry.all("NtryDtls") {
        ordered(group, ENTRY_DETAILS)?;
        for transaction in group.all("TxDtls") {
            ordered(transaction, TRANSACTION)?;
            details.push(transaction);
        }
    }
    let alone = details.len() <= 1;
    let mut movements = Vec::new();
    for transaction in details.iter().map(|t| Some(*t)).chain(details.is_empty().then_some(None)) {
        let amount = match transaction.and_then(|t| t.child("Amt")) {
            Some(amount) => amount_of(amount)?,
            None if alone => total,
            None => return Err(entry.refuse("batch_without_amount")),
        };
        let reference =
            reference_of(entry, transaction, alone)?.ok_or_else(|| entry.refuse("no_reference"))?;
        movements.push(movement(entry, transaction, account, amount, reference)?);
    }
    let sum = movements.iter().try_fold(Fen(0), |sum, movement| sum.checked_add(movement.amount));
    if sum != Some(total) {
        return Err(entry.refuse("batch_sum"));
    }
    Ok(movements)
}

fn movement(
    entry: &Element,
    transaction: Option<&Element>,
    account: &str,
    amount: Fen,
    reference: String,
) -> Result<Movement, BadNotice> {
    let none = Element::default();
    let transaction = transaction.unwrap_or(&none);
    let parties = transaction.child("RltdPties").unwrap_or(&none);
    ordered(parties, PARTIES)?;
    let indicator = transaction.child("CdtDbtInd").map_or_else(|| needed(entry, "CdtDbtInd"), Ok)?;
    let direction = match indicator.text.as_str() {
        "CRDT" => Direction::In,
        "DBIT" => Direction::Out,
        other => return Err(indicator.refuse(Trouble::of("direction", [&other]))),
    };
    let paid_to = match parties.child("CdtrAcct") {
        Some(creditor) if direction == Direction::In => account_number(creditor)?,
        _ => account.to_string(),
    };
    Ok(Movement {
        account: account.to_string(),
        paid_to,
        reference,
        direction,
        amount,
        arrival: arrival_of(entry)?,
        payer: payer_of(parties, transaction)?,
        end_to_end: optional_text(transaction, &["Refs", "EndToEndId"], 35)?,
        remark: remark_of(transaction),
        line: entry.line,
    })
}

/// The bank's reference. A servicer's reference is the best; an entry reference comes last, because some banks number
/// entries anew in each message. What stands on the entry names the movement only where it is the only one (`alone`).
fn reference_of(
    entry: &Element,
    transaction: Option<&Element>,
    alone: bool,
) -> Result<Option<String>, BadNotice> {
    let none = Element::default();
    let transaction = transaction.unwrap_or(&none);
    let of_entry = |name: &str| if alone { optional_text(entry, &[name], 35) } else { Ok(None) };
    for found in [
        of_entry("AcctSvcrRef")?,
        optional_text(transaction, &["Refs", "AcctSvcrRef"], 35)?,
        optional_text(transaction, &["Refs", "TxId"], 35)?,
        of_entry("NtryRef")?,
    ] {
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn payer_of(parties: &Element, transaction: &Element) -> Result<Payer, BadNotice> {
    let account = parties.child("DbtrAcct").map(account_number).transpose()?;
    let bank = ["RltdAgts", "DbtrAgt", "FinInstnId"];
    let bank_code = [&bank[..], &["ClrSysMmbId", "MmbId"]].concat();
    let bank_name = [&bank[..], &["Nm"]].concat();
    Ok(Payer {
        name: optional_text(parties, &["Dbtr", "Pty", "Nm"], 140)?,
        account,
        bank_code: optional_text(transaction, &bank_code, 35)?,
        bank_name: optional_text(transaction, &bank_name, 140)?,
    })
}

fn remark_of(transaction: &Element) -> Option<String> {
    let lines: Vec<&str> =
        transaction.child("RmtInf")?.all("Ustrd").take(4).map(|line| line.text.as_str()).collect();
    let remark: String = lines.join(" ").chars().take(280).collect();
    Some(remark).filter(|text| !text.is_empty())
}

fn arrival_of(entry: &Element) -> Result<Arrival, BadNotice> {
    let Some(date) = entry.child("BookgDt").or(entry.child("ValDt")) else { return Ok(Arrival::Unknown) };
    let value = date
        .child("DtTm")
        .or(date.child("Dt"))
        .ok_or_else(|| date.refuse(Trouble::of("missing_element", [&date.name, &"Dt"])))?;
    arrival(&value.text).ok_or_else(|| value.refuse(Trouble::of("not_a_time", [&value.text])))
}

fn status_of(entry: &Element) -> Result<String, BadNotice> {
    let status = needed(entry, "Sts")?;
    let code = status
        .child("Cd")
        .or(status.child("Prtry"))
        .ok_or_else(|| status.refuse(Trouble::of("missing_element", [&status.name, &"Cd"])))?;
    Ok(clip(&code.text))
}

fn amount_of(amount: &Element) -> Result<Fen, BadNotice> {
    match amount.attribute("Ccy") {
        Some("CNY") => exact_amount(&amount.text).map_err(|reason| amount.refuse(reason)),
        Some(other) => Err(amount.refuse(Trouble::of("currency", [&other]))),
        None => Err(amount.refuse(Trouble::of("missing_element", [&amount.name, &"Ccy"]))),
    }
}

fn account_number(account: &Element) -> Result<String, BadNotice> {
    let id = needed(account, "Id")?;
    let number = id
        .at(&["Othr", "Id"])
        .or(id.child("IBAN"))
        .ok_or_else(|| id.refuse(Trouble::of("missing_element", [&id.name, &"Othr"])))?;
    bounded(number, 34)
}

fn needed<'a>(parent: &'a Element, name: &str) -> Result<&'a Element, BadNotice> {
    parent.child(name).ok_or_else(|| parent.refuse(Trouble::of("missing_element", [&parent.name, &name])))
}

fn text_of(parent: &Element, name: &str, chars_max: usize) -> Result<String, BadNotice> {
    bounded(needed(parent, name)?, chars_max)
}

fn optional_text(from: &Element, path: &[&str], chars_max: usize) -> Result<Option<String>, BadNotice> {
    from.at(path).map(|element| bounded(element, chars_max)).transpose()
}

fn bounded(element: &Element, chars_max: usize) -> Result<String, BadNotice> {
    let count = element.text.chars().count();
    if count == 0 || count > chars_max || !element.children.is_empty() {
        let reason = Trouble::of("bad_text", [&element.name, &chars_max]);
        return Err(element.refuse(reason));
    }
    Ok(element.text.clone())
}

/// Checks names, order and multiplicity of the children of `element`.
fn ordered(element: &Element, sequence: Sequence) -> Result<(), BadNotice> {
    let mut next = 0;
    let mut last = None;
    for child in &element.children {
        let found = sequence.iter().position(|(name, _)| *name == child.name && !child.foreign);
        let Some(place) = found else {
            return Err(child.refuse(Trouble::of("wrong_element", [&child.name, &element.name])));
        };
        let many = sequence.get(place).is_some_and(|(_, times)| *times == Many);
        if place < next || (last == Some(place) && !many) {
            return Err(child.refuse(Trouble::of("wrong_place", [&child.name])));
        }
        next = place;
        last = Some(place);
    }
    match sequence.iter().find(|(name, times)| *times == Once && element.child(name).is_none()) {
        Some((name, _)) if !element.name.is_empty() => {
            Err(element.refuse(Trouble::of("missing_element", [&element.name, &name])))
        }
        _ => Ok(()),
    }
}
