//! The letter to one bidder, for that bidder only.

use super::view::LineView;
use crate::account::page::Page;
use crate::account::who::Bidder;
use crate::evaluation::pages::ReasonView;
use crate::ledger::Door;
use crate::platform::refusal::Refused;
use crate::platform::web::Answer;
use crate::project::store::seen_lot;
use crate::publication::notice::LetterKind;
use crate::publication::rules::Refusal;
use crate::publication::store;
use actix_web::web;
use askama::Template;

#[derive(Template)]
#[template(path = "publication/letter.html")]
struct LetterPage {
    p: Page,
    number: String,
    lot: String,
    won: bool,
    to: String,
    tender_title: String,
    lot_title: String,
    entity: String,
    winner: String,
    price: String,
    price_words: String,
    own: Option<LineView>,
    reasons: Vec<ReasonView>,
    issued: String,
    contract_by: String,
}

pub(super) async fn letter_get(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let vault = door.vault().clone();
    let (tender_name, lot_name) = (number.clone(), lot.clone());
    let letter = door
        .look(move |db| {
            let facts = seen_lot(db, &tender_name, &lot_name, None)?;
            Ok(store::letter(db, &vault, facts.lot, who.organisation)?)
        })
        .await?;
    let letter = letter.ok_or_else(|| Refused::from(Refusal::NotFound))?;
    let page = LetterPage {
        p: p.clone(),
        number,
        lot,
        won: letter.kind == LetterKind::Award,
        to: letter.to,
        tender_title: letter.heading.tender_title,
        lot_title: letter.heading.lot_title,
        entity: letter.heading.entity,
        winner: letter.winner,
        price: letter.price.to_string(),
        price_words: letter.price_words,
        own: letter.own.as_ref().map(LineView::new),
        reasons: letter.own_rejections.iter().map(|reason| ReasonView::new(&p, reason)).collect(),
        issued: letter.issued_at.beijing(),
        contract_by: letter.contract_by.map(|by| by.beijing_minute()).unwrap_or_default(),
    };
    p.html(&page)
}
