//! The treasurer's overview, the centre's account, and the book.

use super::{AccountForm, open_demands};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::Treasurer;
use crate::deposit::bank_notice::Trouble;
use crate::deposit::double_entry::TrialBalance;
use crate::deposit::records::{CentreAccount, NoticeRecord, RefundState};
use crate::deposit::{actions, store};
use crate::ledger::Door;
use crate::platform::web::Answer;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

/// An import as a line of a list.
pub(super) struct NoticeView {
    pub at: String,
    pub by: String,
    pub file_name: String,
    pub credited: u32,
    pub confirmed: u32,
    pub work_list: u32,
    pub duplicates: u32,
    pub conflicts: Vec<String>,
    pub not_booked: Vec<(String, String)>,
    pub bad_lines: Vec<String>,
}

impl NoticeView {
    pub fn of(p: &Page, notice: NoticeRecord) -> Self {
        let sentence = |(line, trouble): (u64, Trouble)| {
            let values = [("line", line.to_string()), ("a", trouble.value(0)), ("b", trouble.value(1))];
            p.lang.with(&trouble.key(), &values)
        };
        Self {
            at: notice.at.beijing_minute(),
            by: notice.by,
            file_name: notice.file_name,
            credited: notice.credited,
            confirmed: notice.confirmed,
            work_list: notice.work_list,
            duplicates: notice.duplicates,
            conflicts: notice.conflicts,
            not_booked: notice.not_booked,
            bad_lines: notice.bad_lines.into_iter().map(sentence).collect(),
        }
    }

    pub fn has_trouble(&self) -> bool {
        !self.conflicts.is_empty() || !self.bad_lines.is_empty()
    }
}

#[derive(Template)]
#[template(path = "deposit/overview.html")]
struct OverviewPage {
    p: Page,
    has_account: bool,
    work_list: usize,
    refunds_due: usize,
    overdue: usize,
    instructed: usize,
    deposits: usize,
    bank: String,
    balances: bool,
    notices: Vec<NoticeView>,
}

pub(super) async fn overview_get(Treasurer(_): Treasurer, p: Page, door: web::Data<Door>) -> Answer {
    let vault = door.vault().clone();
    let page = p.clone();
    let (now, today) = (p.now, p.now.beijing_date());
    let view = door
        .look(move |db| {
            let refunds = store::open_refunds(db, &vault)?;
            let due = |late: bool| {
                refunds.iter().filter(|r| r.state == RefundState::Due && (!late || r.due_on < today)).count()
            };
            let (_, totals) = store::totals(db, &vault)?;
            Ok(OverviewPage {
                has_account: store::centre_account(db, &vault)?.is_some(),
                work_list: store::work_list(db, &vault)?.len(),
                refunds_due: due(false),
                overdue: due(true),
                instructed: refunds.iter().filter(|r| r.state == RefundState::Instructed).count(),
                deposits: open_demands(db, &vault, now)?.iter().filter(|(_, lot)| lot.is_some()).count(),
                bank: totals.0.get("bank").copied().unwrap_or_default().to_string(),
                balances: totals.balance(),
                notices: store::notices(db, &vault, 5)?
                    .into_iter()
                    .map(|notice| NoticeView::of(&page, notice))
                    .collect(),
                p: page,
            })
        })
        .await?;
    p.html(&view)
}

#[derive(Template)]
#[template(path = "deposit/account.html")]
struct AccountPage {
    p: Page,
    form: AccountForm,
    range: String,
}

#[derive(serde::Deserialize)]
pub(super) struct CentreForm {
    holder: String,
    number: String,
    bank_code: String,
    bank_name: String,
    range: String,
}

pub(super) async fn account_get(Treasurer(_): Treasurer, p: Page, door: web::Data<Door>) -> Answer {
    let vault = door.vault().clone();
    let known = door.look(move |db| Ok(store::centre_account(db, &vault)?)).await?;
    let (form, range) = match known {
        Some(CentreAccount { account, range }) => (AccountForm::of(&account), range),
        None => (AccountForm::default(), String::new()),
    };
    p.html(&AccountPage { p: p.clone(), form, range })
}

pub(super) async fn account_post(
    Treasurer(who): Treasurer,
    p: Page,
    door: web::Data<Door>,
    form: Posted<CentreForm>,
) -> Answer {
    let CentreForm { holder, number, bank_code, bank_name, range } = form.0;
    let form = AccountForm { holder, number, bank_code, bank_name };
    let (declared, wanted) = (form.declared(), range.clone());
    let set = door.act(who.actor(), move |act| actions::set_centre_account(act, &declared, &wanted)).await;
    match p.or_problem(set)? {
        Ok(_) => Ok(Page::see("/deposit/treasury")),
        Err(p) => p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &AccountPage { p: p.clone(), form, range }),
    }
}

struct TrialView {
    account: String,
    debit: String,
    credit: String,
}

struct EntryView {
    number: i64,
    at: String,
    cause: String,
    lines: Vec<EntryLine>,
}

struct EntryLine {
    account: String,
    part: String,
    debit: String,
    credit: String,
}

#[derive(Template)]
#[template(path = "deposit/book.html")]
struct BookPage {
    p: Page,
    trial: Vec<TrialView>,
    debit: String,
    credit: String,
    balances: bool,
    entries_total: i64,
    entries: Vec<EntryView>,
}

/// How many entries of the journal are shown.
const ENTRIES_SHOWN: i64 = 100;

/// The book is added up afresh from its first line for this page, and compared with the totals that acts keep.
pub(super) async fn book_get(Treasurer(_): Treasurer, p: Page, door: web::Data<Door>) -> Answer {
    let vault = door.vault().clone();
    let (entries_total, true_totals, trial, journal) = door
        .look(move |db| {
            let (entries, totals) = store::totals(db, &vault)?;
            let book = store::whole_book(db, &vault)?;
            let journal = store::journal(db, &vault, ENTRIES_SHOWN)?;
            Ok((entries, store::totals_are_true(&totals, &book), book.trial(), journal))
        })
        .await?;
    let amount =
        |fen: i64| if fen == 0 { String::new() } else { crate::platform::money::Fen(fen).to_string() };
    let entry = |(number, lines): (i64, Vec<crate::deposit::records::JournalLine>)| EntryView {
        number: number + 1,
        at: lines.first().map(|line| line.at.beijing()).unwrap_or_default(),
        cause: lines.first().map(|line| p.t(&format!("deposit.cause.{}", line.cause))).unwrap_or_default(),
        lines: lines
            .iter()
            .map(|line| EntryLine {
                account: p.t(&format!("deposit.ledger.{}", line.posting.account.code())),
                part: line.posting.part.chars().take(8).collect(),
                debit: amount(line.posting.amount.0.max(0)),
                credit: amount((-line.posting.amount.0).max(0)),
            })
            .collect(),
    };
    let entries = journal.into_iter().map(entry).collect();
    let TrialBalance { lines, debit, credit, .. } = &trial;
    let trial_view = lines.iter().map(|line| TrialView {
        account: p.t(&format!("deposit.ledger.{}", line.account.code())),
        debit: amount(line.debit.0),
        credit: amount(line.credit.0),
    });
    p.html(&BookPage {
        p: p.clone(),
        trial: trial_view.collect(),
        debit: debit.to_string(),
        credit: credit.to_string(),
        balances: trial.balances() && true_totals,
        entries_total,
        entries,
    })
}
