//! The work list: one item, its reasons, and the decision.

use super::{AccountForm, open_demands, parse_id, unknown};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::Treasurer;
use crate::deposit::actions::{self, Decision};
use crate::deposit::bank_notice::{Arrival, Direction};
use crate::deposit::matching::same_account;
use crate::deposit::records::{Demand, Outcome, Posted as Movement};
use crate::deposit::rules::{Resolution, State};
use crate::deposit::store;
use crate::ledger::Door;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

/// A movement as people read it.
struct ItemView {
    id: String,
    incoming: bool,
    amount: String,
    paid_to: String,
    reference: String,
    arrival: String,
    payer_name: String,
    payer_account: String,
    payer_bank: String,
    remark: String,
    reasons: Vec<String>,
    imported_at: String,
}

impl ItemView {
    fn of(p: &Page, item: &Movement) -> Self {
        let movement = &item.movement;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let reasons = match &item.outcome {
            Outcome::Waiting(reasons) | Outcome::Resolved { reasons, .. } => reasons.clone(),
            Outcome::Credited(_) | Outcome::Confirmed(_) => Vec::new(),
        };
        Self {
            id: item.id.to_string(),
            incoming: movement.direction == Direction::In,
            amount: movement.amount.to_string(),
            paid_to: movement.paid_to.clone(),
            reference: movement.reference.clone(),
            arrival: match movement.arrival {
                Arrival::At(at) => at.beijing(),
                Arrival::On(date) => date.to_string(),
                Arrival::Unknown => p.t("deposit.work_list.time_unknown"),
            },
            payer_name: text(&movement.payer.name),
            payer_account: text(&movement.payer.account),
            payer_bank: [text(&movement.payer.bank_name), text(&movement.payer.bank_code)].join(" "),
            remark: text(&movement.remark),
            reasons: reasons.iter().map(|reason| p.t(&format!("deposit.reason.{}", reason.code()))).collect(),
            imported_at: item.imported_at.beijing_minute(),
        }
    }
}

#[derive(Template)]
#[template(path = "deposit/work_list.html")]
struct ListPage {
    p: Page,
    items: Vec<ItemView>,
}

pub(super) async fn list_get(Treasurer(_): Treasurer, p: Page, door: web::Data<Door>) -> Answer {
    let vault = door.vault().clone();
    let items = door.look(move |db| Ok(store::work_list(db, &vault)?)).await?;
    let items = items.iter().map(|item| ItemView::of(&p, item)).collect();
    p.html(&ListPage { p: p.clone(), items })
}

#[derive(Template)]
#[template(path = "deposit/item.html")]
struct ItemPage {
    p: Page,
    item: ItemView,
    settled: bool,
    settled_how: String,
    settled_why: String,
    settled_by: String,
    candidates: Vec<Candidate>,
    choices: Vec<(&'static str, String)>,
    form: ItemForm,
}

/// A deposit to which the money may belong, in words.
struct Candidate {
    id: String,
    words: String,
}

#[derive(serde::Deserialize, Clone, Default)]
pub(super) struct ItemForm {
    #[serde(default)]
    resolution: String,
    #[serde(default)]
    deposit: String,
    #[serde(default)]
    holder: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    bank_code: String,
    #[serde(default)]
    bank_name: String,
    #[serde(default)]
    why: String,
}

async fn page(p: Page, door: &Door, id: &str, form: ItemForm) -> Result<ItemPage, Failure> {
    let (vault, now) = (door.vault().clone(), p.now);
    let item = parse_id(id)?;
    let (item, candidates) = door
        .look(move |db| {
            let item = store::movement(db, &vault, item)?.ok_or_else(unknown)?;
            let mut open = open_demands(db, &vault, now)?;
            let paid_to = |demand: &Demand| same_account(demand.account.as_str(), &item.movement.paid_to);
            // whose lot is not open yet is told by the number that the money was paid to, and by nothing else
            open.retain(|(demand, lot)| {
                demand.state == State::Demanded && (lot.is_some() || paid_to(demand))
            });
            // the deposit that the money was paid to first; the rest only helps a person to choose
            open.sort_by_key(|(demand, _)| !paid_to(demand));
            Ok((item, open))
        })
        .await?;
    let (settled_how, settled_why, settled_by) = match &item.outcome {
        Outcome::Resolved { decision, why, by, at, .. } => {
            let word = p.t(&format!("deposit.resolution.{}", decision.code()));
            (word, why.clone(), format!("{by} · {}", at.beijing_minute()))
        }
        _ => Default::default(),
    };
    let candidate = |(demand, lot): &(Demand, Option<String>)| Candidate {
        id: demand.id.to_string(),
        words: match lot {
            Some(lot) => {
                format!("{lot} · {} · {} · ¥ {}", demand.bidder_name, demand.account.grouped(), demand.amount)
            }
            None => p.tv("deposit.item.secret", "account", demand.account.grouped()),
        },
    };
    let fits = |resolution: &Resolution| match resolution {
        Resolution::Charge => !item.is_in(),
        Resolution::Assign | Resolution::SendBack | Resolution::Interest => item.is_in(),
    };
    let word = |r: Resolution| (r.code(), p.t(&format!("deposit.resolution.{}", r.code())));
    Ok(ItemPage {
        item: ItemView::of(&p, &item),
        settled: !item.waits(),
        settled_how,
        settled_why,
        settled_by,
        candidates: candidates.iter().map(candidate).collect(),
        choices: Resolution::ALL.into_iter().filter(fits).map(word).collect(),
        form,
        p,
    })
}

pub(super) async fn item_get(
    Treasurer(_): Treasurer,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    p.html(&page(p.clone(), &door, &path, ItemForm::default()).await?)
}

pub(super) async fn item_post(
    Treasurer(who): Treasurer,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<ItemForm>,
) -> Answer {
    let item = parse_id(&path)?;
    let form = form.0;
    let resolution = Resolution::from_code(&form.resolution);
    let resolution =
        resolution.ok_or_else(|| Refused::new(422, "deposit.refusal.resolution_missing").field("resolution"));
    let payee = AccountForm {
        holder: form.holder.clone(),
        number: form.number.clone(),
        bank_code: form.bank_code.clone(),
        bank_name: form.bank_name.clone(),
    };
    let (deposit, why, by) = (Id::parse(&form.deposit), form.why.clone(), who.name.clone());
    let done = match resolution {
        Ok(resolution) => {
            let decision = Decision { resolution, deposit, payee: payee.given(), why };
            door.act(who.actor(), move |act| actions::resolve(act, &by, item, &decision)).await.map(|_| ())
        }
        Err(refused) => Err(refused.into()),
    };
    match p.or_problem(done)? {
        Ok(()) => Ok(Page::see("/deposit/treasury/work-list")),
        Err(p) => p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(p.clone(), &door, &path, form).await?),
    }
}
