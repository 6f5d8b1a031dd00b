//! Refunds due, ordered and paid; payment orders to download.

use super::{AccountForm, parse_id, refund_of, unknown};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::Treasurer;
use crate::deposit::actions::{self, BatchOrder};
use crate::deposit::records::{RefundRecord, RefundState};
use crate::deposit::rules::Refusal;
use crate::deposit::store;
use crate::ledger::Door;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::NaiveDate;
use rust_decimal::Decimal;
use std::str::FromStr;

struct RefundView {
    id: String,
    of: String,
    to: AccountForm,
    principal: String,
    interest: String,
    total: String,
    due_on: String,
    overdue: bool,
    returned: String,
}

struct BatchView {
    id: String,
    made_at: String,
    execute_on: String,
    count: usize,
    total: String,
}

#[derive(Template)]
#[template(path = "deposit/refunds.html")]
struct RefundsPage {
    p: Page,
    due: Vec<RefundView>,
    due_total: String,
    instructed: Vec<RefundView>,
    batches: Vec<BatchView>,
    form: BatchForm,
}

#[derive(serde::Deserialize, Clone)]
pub(super) struct BatchForm {
    execute_on: String,
    deposit_rate: String,
    lending_rate: String,
    day_base: String,
}

/// How many batches are shown.
const BATCHES_SHOWN: i64 = 20;

async fn page(p: Page, door: &Door, form: Option<BatchForm>) -> Result<RefundsPage, Failure> {
    let vault = door.vault().clone();
    let (refunds, batches) = door
        .look(move |db| Ok((store::open_refunds(db, &vault)?, store::batches(db, &vault, BATCHES_SHOWN)?)))
        .await?;
    let today = p.now.beijing_date();
    let view = |refund: &RefundRecord| RefundView {
        id: refund.id.to_string(),
        of: refund_of(&p, refund),
        to: AccountForm::of(&refund.to),
        principal: refund.principal.to_string(),
        interest: refund.interest.to_string(),
        total: refund.total().to_string(),
        due_on: refund.due_on.to_string(),
        overdue: refund.due_on < today,
        returned: refund.returned.clone().unwrap_or_default(),
    };
    let of_state = |state| refunds.iter().filter(move |r| r.state == state);
    let due_total: Decimal = of_state(RefundState::Due).map(|r| r.total().yuan()).sum();
    let usual = BatchForm {
        execute_on: today.to_string(),
        deposit_rate: "0".into(),
        lending_rate: "0".into(),
        day_base: "360".into(),
    };
    Ok(RefundsPage {
        due: of_state(RefundState::Due).map(view).collect(),
        due_total: crate::platform::money::Fen::from_yuan(due_total).unwrap_or_default().to_string(),
        instructed: of_state(RefundState::Instructed).map(view).collect(),
        batches: batches
            .iter()
            .map(|batch| BatchView {
                id: batch.id.to_string(),
                made_at: batch.made_at.beijing_minute(),
                execute_on: batch.execute_on.to_string(),
                count: batch.refunds.len(),
                total: batch.total.to_string(),
            })
            .collect(),
        form: form.unwrap_or(usual),
        p,
    })
}

pub(super) async fn list_get(Treasurer(_): Treasurer, p: Page, door: web::Data<Door>) -> Answer {
    p.html(&page(p.clone(), &door, None).await?)
}

fn order(form: &BatchForm) -> Result<BatchOrder, Refused> {
    let rate =
        |text: &str| Decimal::from_str(text.trim()).map_err(|_| Refused::from(Refusal::InterestUnreadable));
    Ok(BatchOrder {
        execute_on: NaiveDate::from_str(form.execute_on.trim())
            .map_err(|_| Refused::from(Refusal::ExecutionInThePast))?,
        deposit_rate: rate(&form.deposit_rate)?,
        lending_rate: rate(&form.lending_rate)?,
        day_base: form.day_base.trim().parse().map_err(|_| Refused::from(Refusal::InterestUnreadable))?,
    })
}

pub(super) async fn batch_post(
    Treasurer(who): Treasurer,
    p: Page,
    door: web::Data<Door>,
    form: Posted<BatchForm>,
) -> Answer {
    let done = match order(&form.0) {
        Ok(order) => door.act(who.actor(), move |act| actions::make_batch(act, &order)).await.map(|_| ()),
        Err(refused) => Err(refused.into()),
    };
    shown_again(p, &door, Some(form.0), done).await
}

async fn shown_again(p: Page, door: &Door, form: Option<BatchForm>, done: Result<(), Failure>) -> Answer {
    match p.or_problem(done)? {
        Ok(()) => Ok(Page::see("/deposit/treasury/refunds")),
        Err(p) => p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(p.clone(), door, form).await?),
    }
}

pub(super) async fn confirm_post(
    Treasurer(who): Treasurer,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    _form: Posted<Vec<(String, String)>>,
) -> Answer {
    let id = parse_id(&path)?;
    let done = door.act(who.actor(), move |act| actions::confirm_paid(act, id)).await.map(|_| ());
    shown_again(p, &door, None, done).await
}

#[derive(serde::Deserialize)]
pub(super) struct ReturnedForm {
    #[serde(default)]
    why: String,
    #[serde(default)]
    holder: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    bank_code: String,
    #[serde(default)]
    bank_name: String,
}

pub(super) async fn returned_post(
    Treasurer(who): Treasurer,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<ReturnedForm>,
) -> Answer {
    let id = parse_id(&path)?;
    let ReturnedForm { why, holder, number, bank_code, bank_name } = form.0;
    let corrected = AccountForm { holder, number, bank_code, bank_name }.given();
    let done = door
        .act(who.actor(), move |act| actions::returned(act, id, corrected.as_ref(), &why))
        .await
        .map(|_| ());
    shown_again(p, &door, None, done).await
}

/// The payment order, byte for byte as it was written.
pub(super) async fn batch_get(
    Treasurer(_): Treasurer,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    let vault = door.vault().clone();
    let id = parse_id(&path)?;
    let batch = door.look(move |db| store::batch(db, &vault, id)?.ok_or_else(unknown)).await?;
    let name = format!("attachment; filename=\"pain.001-{}-{}.xml\"", batch.execute_on, batch.id);
    Ok(HttpResponse::Ok()
        .content_type("application/xml")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(batch.xml))
}
