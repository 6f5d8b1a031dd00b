//! The form of a lot: money, envelopes, how bids are compared, who compares them.

use crate::account::field::{Asked, Fields, Input, decimal};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::Agent;
use crate::ledger::Door;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project::actions;
use crate::project::place::Category;
use crate::project::rulebook::{Method, Rulebook};
use crate::project::rules::LotNumber;
use crate::project::standing::{LotFacts, TenderFacts};
use crate::project::terms::{
    CommitteePlan, DualLock, Envelopes, ItemClass, ItemKind, ScoredItem, Scoring, TERMS_TYPE, Terms,
};
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use rust_decimal::Decimal;

/// How many scored items the form has room for.
const ITEMS: usize = 10;

#[derive(Template)]
#[template(path = "project/lot.html")]
struct LotPage {
    p: Page,
    number: String,
    lot: String,
    exists: bool,
    money: Vec<Asked>,
    comparison: Vec<Asked>,
    committee: Vec<Asked>,
    items: Vec<ItemRow>,
}

#[derive(Clone, Default)]
struct ItemRow {
    place: usize,
    name: String,
    points: String,
    commercial: bool,
    objective: bool,
}

fn page(p: &Page, tender: &TenderFacts, book: &Rulebook, lot: &str, fields: &Fields) -> LotPage {
    let ask = |name: &'static str, input: Input| Asked::new(p, "project.lot", name, input, fields);
    let methods = book.evaluation.methods.value.iter();
    let methods =
        methods.map(|m| (m.code().to_owned(), p.t(&format!("project.method.{}", m.code())))).collect();
    let envelopes =
        ["one", "two"].map(|code| (code.to_owned(), p.t(&format!("project.lot.envelopes.{code}"))));
    let locks = ["trustees", "dual"].map(|code| (code.to_owned(), p.t(&format!("project.lot.lock.{code}"))));
    let design = ["no", "yes"].map(|code| (code.to_owned(), p.t(&format!("project.lot.design.{code}"))));
    let mut money = vec![
        ask("name", Input::Line),
        ask("budget", Input::Number),
        ask("ceiling", Input::Number),
        ask("deposit", Input::Number),
    ];
    if book.deposit.cap_absolute_design.is_some() {
        money.push(ask("design", Input::Radio(design.into())));
    }
    let mut comparison = vec![
        ask("envelopes", Input::Radio(envelopes.into())),
        ask("lock", Input::Radio(locks.into())),
        ask("bidder_minutes", Input::Number),
        ask("method", Input::Choice(methods)),
        ask("price_points", Input::Number),
    ];
    let formula: &[&'static str] = if book.evaluation.benchmark_full.is_some() {
        &["floats", "above", "below", "trim_from"]
    } else {
        &["small", "consortium"]
    };
    comparison.extend(formula.iter().map(|name| ask(name, Input::Number)));
    let committee =
        ["committee_size", "committee_experts", "minimum_bidders"].map(|name| ask(name, Input::Number));
    let mut committee: Vec<Asked> = committee.into();
    committee.push(ask("specialities", Input::Line));
    LotPage {
        p: p.clone(),
        number: tender.number.to_string(),
        lot: lot.to_owned(),
        exists: lot != "new",
        money,
        comparison,
        committee,
        items: item_rows(fields),
    }
}

fn item_rows(fields: &Fields) -> Vec<ItemRow> {
    let column = |name: &'static str| fields.all(name).map(str::to_owned).collect::<Vec<_>>();
    let (names, points) = (column("item_name"), column("item_points"));
    let (classes, kinds) = (column("item_class"), column("item_kind"));
    let at = |column: &[String], place: usize| column.get(place).cloned().unwrap_or_default();
    let row = |place: usize| ItemRow {
        place: place + 1,
        name: at(&names, place),
        points: at(&points, place),
        commercial: at(&classes, place) == "commercial",
        objective: at(&kinds, place) == "objective",
    };
    (0..ITEMS).map(row).collect()
}

/// What the form shows for a new lot: the rulebook's usual values.
fn usual(tender: &TenderFacts, book: &Rulebook) -> Fields {
    let scoring = Scoring::usual(book);
    let mut fields = Fields::default();
    let size = book.committee.size_min.value;
    fields.set("design", "no");
    fields.set("envelopes", "one");
    fields.set("lock", "trustees");
    fields.set("bidder_minutes", book.opening.bidder_key_minutes_usual.value);
    fields.set("committee_size", size);
    fields.set("committee_experts", book.committee.experts_share_min.value.of_whole(size));
    fields.set("minimum_bidders", book.bidders.minimum.value);
    let points = if tender.category == Category::Services { Decimal::TEN } else { scoring.price_points };
    show_scoring(&mut fields, &Scoring { price_points: points, ..scoring });
    fields
}

fn show_scoring(fields: &mut Fields, scoring: &Scoring) {
    let floats: Vec<String> = scoring.floats.iter().map(|float| float.normalize().to_string()).collect();
    fields.set("price_points", scoring.price_points.normalize());
    fields.set("floats", floats.join(" "));
    fields.set("above", scoring.above.normalize());
    fields.set("below", scoring.below.normalize());
    fields.set("trim_from", scoring.trim_from);
    fields.set("small", scoring.small.normalize());
    fields.set("consortium", scoring.consortium.normalize());
    for item in &scoring.items {
        let class = if item.class == ItemClass::Commercial { "commercial" } else { "technical" };
        let kind = if item.kind == ItemKind::Objective { "objective" } else { "subjective" };
        for (name, value) in [
            ("item_name", item.name.clone()),
            ("item_points", item.points.normalize().to_string()),
            ("item_class", class.to_owned()),
            ("item_kind", kind.to_owned()),
        ] {
            fields.0.push((name.to_owned(), value));
        }
    }
}

fn show(book: &Rulebook, lot: &LotFacts) -> Fields {
    let terms = &lot.terms;
    let mut fields = Fields::default();
    fields.set("name", &lot.title);
    fields.set("budget", terms.budget.plain());
    fields.set("ceiling", terms.ceiling.plain());
    fields.set("deposit", terms.deposit.plain());
    fields.set("design", if terms.design { "yes" } else { "no" });
    fields.set("envelopes", terms.envelopes.code());
    fields.set("lock", if terms.dual.is_some() { "dual" } else { "trustees" });
    let usual = book.opening.bidder_key_minutes_usual.value;
    fields.set("bidder_minutes", terms.dual.map_or(usual, |dual| dual.minutes));
    fields.set("method", terms.method.code());
    fields.set("committee_size", terms.committee.size);
    fields.set("committee_experts", terms.committee.experts);
    fields.set("minimum_bidders", terms.minimum_bidders);
    fields.set("specialities", terms.specialities.join(" "));
    show_scoring(&mut fields, &Scoring::of_document(book, &terms.evaluation));
    fields
}

fn read(fields: &Fields, tender: &TenderFacts, book: &Rulebook) -> Result<Terms, Vec<Refused>> {
    let bad = |field: &'static str| Refused::new(422, "platform.refusal.field_bad").field(field);
    let method = Method::from_code(fields.get("method")).ok_or_else(|| vec![bad("method")])?;
    let envelopes = Envelopes::from_code(fields.get("envelopes")).ok_or_else(|| vec![bad("envelopes")])?;
    let one = |refused: Refused| vec![refused];
    let scoring = read_scoring(fields, book).map_err(one)?;
    let numbers = || -> Result<Terms, Refused> {
        Ok(Terms {
            typ: TERMS_TYPE.into(),
            budget: fields.money("budget")?,
            ceiling: fields.money("ceiling")?,
            deposit: fields.money("deposit")?,
            design: fields.get("design") == "yes",
            envelopes,
            dual: match fields.get("lock") {
                "dual" => Some(DualLock { minutes: fields.count("bidder_minutes")? }),
                _ => None,
            },
            method,
            evaluation: scoring.document(book, method),
            committee: CommitteePlan {
                size: fields.count("committee_size")?,
                experts: fields.count("committee_experts")?,
            },
            minimum_bidders: fields.count("minimum_bidders")?,
            specialities: specialities(fields.get("specialities")).ok_or_else(|| bad("specialities"))?,
        })
    };
    let terms = numbers().map_err(one)?;
    let mut problems = terms.check(book).err().unwrap_or_default();
    let services = tender.category == Category::Services;
    problems.extend(scoring.check(book, method, services).err().unwrap_or_default());
    if problems.is_empty() { Ok(terms) } else { Err(problems) }
}

fn specialities(text: &str) -> Option<Vec<String>> {
    let codes: Vec<String> =
        text.split([' ', ',', '，', '、']).filter(|code| !code.is_empty()).map(str::to_owned).collect();
    let plain = |code: &String| code.len() <= 20 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    (codes.len() <= 10 && codes.iter().all(plain)).then_some(codes)
}

fn read_scoring(fields: &Fields, book: &Rulebook) -> Result<Scoring, Refused> {
    let usual = Scoring::usual(book);
    let bad = |field: &'static str| Refused::new(422, "platform.refusal.field_bad").field(field);
    let or = |name: &'static str, usual: Decimal| match fields.get(name).trim() {
        "" => Ok(usual),
        text => decimal(text).ok_or_else(|| bad(name)),
    };
    let floats: Option<Vec<Decimal>> =
        fields.get("floats").split([' ', ',', '，']).filter(|float| !float.is_empty()).map(decimal).collect();
    let different = |floats: &[Decimal]| {
        floats.iter().enumerate().all(|(i, float)| !floats.iter().skip(i + 1).any(|other| other == float))
    };
    let floats = floats.filter(|floats| {
        floats.len() <= 20 && different(floats) && floats.iter().all(|float| *float < Decimal::ONE_HUNDRED)
    });
    let mut items = Vec::new();
    for row in item_rows(fields).into_iter().filter(|row| !row.name.trim().is_empty()) {
        let points = decimal(row.points.trim()).filter(|points| points.scale() <= 2 && !points.is_zero());
        items.push(ScoredItem {
            name: row.name.trim().to_owned(),
            guide: String::new(),
            class: if row.commercial { ItemClass::Commercial } else { ItemClass::Technical },
            kind: if row.objective { ItemKind::Objective } else { ItemKind::Subjective },
            points: points.ok_or_else(|| bad("items"))?,
        });
    }
    Ok(Scoring {
        price_points: or("price_points", usual.price_points)?,
        items,
        floats: floats.ok_or_else(|| bad("floats"))?,
        above: or("above", usual.above)?,
        below: or("below", usual.below)?,
        trim_from: if fields.get("trim_from").trim().is_empty() {
            usual.trim_from
        } else {
            fields.count("trim_from")?.max(3)
        },
        small: or("small", usual.small)?,
        consortium: or("consortium", usual.consortium)?,
    })
}

pub(super) async fn lot_get(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let (tender, lots) = door.look(move |db| super::own_draft(db, &who, &number)).await?;
    let book = tender.book()?;
    let fields = match LotNumber::parse(&lot) {
        None if lot == "new" => usual(&tender, book),
        None => return Err(Refused::new(404, "platform.refusal.not_found").into()),
        Some(number) => {
            let found = lots.iter().find(|found| found.lot_number == number);
            show(book, found.ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?)
        }
    };
    p.html(&page(&p, &tender, book, &lot, &fields))
}

pub(super) async fn lot_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let fields = Fields(form.0);
    let asker = who.clone();
    let (tender, lots) = door.look(move |db| super::own_draft(db, &asker, &number)).await?;
    let book = tender.book()?;
    let place = LotNumber::parse(&lot);
    if place.is_none() && lot != "new"
        || place.is_some_and(|place| !lots.iter().any(|known| known.lot_number == place))
    {
        return Err(Refused::new(404, "platform.refusal.not_found").into());
    }
    let (id, name) = (tender.tender, fields.get("name").to_owned());
    let done = match read(&fields, &tender, book) {
        Ok(terms) => door
            .act(who.actor(), move |act| actions::put_lot(act, &who, id, place, &name, &terms))
            .await
            .map(drop)
            .map_err(|failure| match failure {
                Failure::Refused(refused) => Ok(vec![refused]),
                fault => Err(fault),
            }),
        Err(problems) => Err(Ok(problems)),
    };
    match done {
        Ok(()) => Ok(Page::see(format!("/project/{}", tender.number))),
        Err(Err(fault)) => Err(fault.into()),
        Err(Ok(problems)) => {
            let p = problems.iter().fold(p, |p, problem| p.with_problem(problem));
            p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&p, &tender, book, &lot, &fields))
        }
    }
}

pub(super) async fn remove_post(
    Agent(who): Agent,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
    _form: Posted<Vec<(String, String)>>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let back = format!("/project/{number}");
    door.act(who.actor(), move |act| {
        let tender = super::own_draft(act.db(), &who, &number)?.0.tender;
        let lot = LotNumber::parse(&lot).ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?;
        actions::remove_lot(act, &who, tender, lot)
    })
    .await?;
    Ok(Page::see(back))
}
