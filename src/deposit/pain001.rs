//! Writer of ISO 20022 pain.001.001.09 (customer credit transfer initiation): the order to the bank to pay refunds.
//!
//! China has no IBAN: accounts are `Othr/Id`, banks are CNAPS numbers in `ClrSysMmbId`. A text that would have to be cut
//! or cleaned to fit the schema is refused instead, because a shortened name makes the bank send the money back.

use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use chrono::NaiveDate;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

/// The namespace that is written.
pub const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";

/// Most transfers in one batch.
pub const TRANSFERS_MAX: usize = 5_000;

/// An account at a bank, as an order needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BankAccount {
    /// Account holder, at most 140 characters.
    pub holder: String,
    /// Account number, at most 34 characters.
    pub number: String,
    /// CNAPS number of the bank's branch: 12 digits.
    pub bank_code: String,
    /// Name of the branch, for people at the bank.
    pub bank_name: Option<String>,
}

/// One refund.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transfer {
    /// Our reference, returned by the bank when it reports the payment; at most 35 characters, unique in the batch.
    pub end_to_end: String,
    pub amount: Fen,
    pub to: BankAccount,
    /// What the receiver reads, at most 140 characters.
    pub remark: String,
}

/// A batch of refunds from one account on one day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// Unique id of the message, at most 35 characters.
    pub message: String,
    pub created_at: Moment,
    pub execute_on: NaiveDate,
    pub from: BankAccount,
    pub transfers: Vec<Transfer>,
}

/// Why a batch can not be written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unwritable {
    #[error("a batch needs 1 to {TRANSFERS_MAX} transfers")]
    Count,
    #[error("{reference}: the amount must be more than zero")]
    Amount { reference: String },
    #[error("the reference {reference} stands twice")]
    Twice { reference: String },
    #[error("{reference}: the {what} must be 1 to {chars_max} printable characters")]
    Text { reference: String, what: &'static str, chars_max: usize },
    #[error("{reference}: a CNAPS bank number has 12 digits")]
    BankCode { reference: String },
    #[error("the sum of the batch is too large")]
    Sum,
}

/// The total of a batch.
pub fn total(transfers: &[Transfer]) -> Result<Fen, Unwritable> {
    transfers.iter().try_fold(Fen(0), |sum, transfer| sum.checked_add(transfer.amount)).ok_or(Unwritable::Sum)
}

/// The message as UTF-8 XML, valid against the schema of pain.001.001.09.
pub fn write(batch: &Batch) -> Result<String, Unwritable> {
    check(batch)?;
    let mut xml = Xml(Writer::new_with_indent(Vec::new(), b' ', 1));
    xml.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    let mut root = BytesStart::new("Document");
    root.push_attribute(("xmlns", NAMESPACE));
    xml.event(Event::Start(root));
    xml.open("CstmrCdtTrfInitn");
    let count = batch.transfers.len().to_string();
    let sum = total(&batch.transfers)?.plain();
    xml.within("GrpHdr", |xml| {
        xml.leaf("MsgId", &batch.message);
        xml.leaf("CreDtTm", &batch.created_at.utc().format("%Y-%m-%dT%H:%M:%SZ").to_string());
        xml.leaf("NbOfTxs", &count);
        xml.leaf("CtrlSum", &sum);
        xml.within("InitgPty", |xml| xml.leaf("Nm", &batch.from.holder));
    });
    xml.open("PmtInf");
    xml.leaf("PmtInfId", &batch.message);
    xml.leaf("PmtMtd", "TRF");
    xml.leaf("BtchBookg", "false");
    xml.leaf("NbOfTxs", &count);
    xml.leaf("CtrlSum", &sum);
    xml.within("ReqdExctnDt", |xml| xml.leaf("Dt", &batch.execute_on.format("%Y-%m-%d").to_string()));
    xml.within("Dbtr", |xml| xml.leaf("Nm", &batch.from.holder));
    xml.account("DbtrAcct", &batch.from);
    xml.agent("DbtrAgt", &batch.from);
    // the receiver gets the whole amount; charges are the centre's
    xml.leaf("ChrgBr", "DEBT");
    for transfer in &batch.transfers {
        xml.transfer(transfer);
    }
    xml.close("PmtInf");
    xml.close("CstmrCdtTrfInitn");
    xml.close("Document");
    Ok(String::from_utf8(xml.0.into_inner()).unwrap_or_default() + "\n")
}

fn check(batch: &Batch) -> Result<(), Unwritable> {
    if batch.transfers.is_empty() || batch.transfers.len() > TRANSFERS_MAX {
        return Err(Unwritable::Count);
    }
    text(&batch.message, "message id", &batch.message, 35)?;
    check_account(&batch.message, &batch.from)?;
    let mut seen = std::collections::HashSet::new();
    for transfer in &batch.transfers {
        let reference = &transfer.end_to_end;
        text(reference, "reference", reference, 35)?;
        text(reference, "remark", &transfer.remark, 140)?;
        check_account(reference, &transfer.to)?;
        if transfer.amount <= Fen(0) {
            return Err(Unwritable::Amount { reference: reference.clone() });
        }
        if !seen.insert(reference) {
            return Err(Unwritable::Twice { reference: reference.clone() });
        }
    }
    Ok(())
}

fn check_account(reference: &str, account: &BankAccount) -> Result<(), Unwritable> {
    text(reference, "account holder", &account.holder, 140)?;
    text(reference, "account number", &account.number, 34)?;
    if let Some(name) = &account.bank_name {
        text(reference, "name of the bank", name, 140)?;
    }
    if is_bank_code(&account.bank_code) {
        Ok(())
    } else {
        Err(Unwritable::BankCode { reference: reference.into() })
    }
}

/// Whether `text` has the form of a CNAPS bank number.
pub fn is_bank_code(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn text(reference: &str, what: &'static str, value: &str, chars_max: usize) -> Result<(), Unwritable> {
    let printable = !value.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'));
    let fits = value.chars().count() <= chars_max && !value.trim().is_empty() && value.trim() == value;
    if printable && fits {
        return Ok(());
    }
    Err(Unwritable::Text { reference: reference.chars().take(35).collect(), what, chars_max })
}

/// An XML writer into memory, which can not fail.
struct Xml(Writer<Vec<u8>>);

impl Xml {
    fn event(&mut self, event: Event<'_>) {
        let written = self.0.write_event(event);
        debug_assert!(written.is_ok(), "writing to memory");
    }

    fn open(&mut self, name: &str) {
        self.event(Event::Start(BytesStart::new(name)));
    }

    fn close(&mut self, name: &str) {
        self.event(Event::End(BytesEnd::new(name)));
    }

    fn leaf(&mut self, name: &str, value: &str) {
        self.open(name);
        self.event(Event::Text(BytesText::new(value)));
        self.close(name);
    }

    fn within(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.open(name);
        inside(self);
        self.close(name);
    }

    fn account(&mut self, name: &str, account: &BankAccount) {
        self.within(name, |xml| {
            xml.within("Id", |xml| xml.within("Othr", |xml| xml.leaf("Id", &account.number)));
            xml.leaf("Ccy", "CNY");
        });
    }

    fn agent(&mut self, name: &str, account: &BankAccount) {
        self.within(name, |xml| {
            xml.within("FinInstnId", |xml| {
                xml.within("ClrSysMmbId", |xml| {
                    xml.within("ClrSysId", |xml| xml.leaf("Cd", "CNAPS"));
                    xml.leaf("MmbId", &account.bank_code);
                });
                if let Some(bank_name) = &account.bank_name {
                    xml.leaf("Nm", bank_name);
                }
            });
        });
    }

    fn transfer(&mut self, transfer: &Transfer) {
        self.within("CdtTrfTxInf", |xml| {
            xml.within("PmtId", |xml| {
                xml.leaf("InstrId", &transfer.end_to_end);
                xml.leaf("EndToEndId", &transfer.end_to_end);
            });
            xml.within("Amt", |xml| {
                let mut amount = BytesStart::new("InstdAmt");
                amount.push_attribute(("Ccy", "CNY"));
                xml.event(Event::Start(amount));
                xml.event(Event::Text(BytesText::new(&transfer.amount.plain())));
                xml.close("InstdAmt");
            });
            xml.agent("CdtrAgt", &transfer.to);
            xml.within("Cdtr", |xml| xml.leaf("Nm", &transfer.to.holder));
            xml.account("CdtrAcct", &transfer.to);
            xml.within("RmtInf", |xml| xml.leaf("Ustrd", &transfer.remark));
        });
    }
}
