//! Setting up a draw: the lot's page with both forms, check-your-answers, and the act.

use super::{DrawLine, line, may_see, source_words};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::{Agent, Among, Centre, Entity, Supervisor, Who};
use crate::expert_draw::actions::{self, NewDraw, NewExperts};
use crate::expert_draw::draw::Draw;
use crate::expert_draw::eligibility::{Conditions, StratumRule};
use crate::expert_draw::public_value::{PublicSource, quicknet_round_from, quicknet_time};
use crate::expert_draw::rules::{PARTIES, Refusal};
use crate::expert_draw::store;
use crate::ledger::{Act, Door};
use crate::platform::id::Id;
use crate::platform::moment::{HOUR, Moment};
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project::flow::Step;
use crate::project::standing::LotFacts;
use crate::project::store::lot_named;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

/// Rows that the form offers for strata.
const STRATUM_ROWS: usize = 4;

/// What was typed; fields may repeat.
#[derive(Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.trim()).unwrap_or_default()
    }

    fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(field, _)| field == name).map(|(_, value)| value.trim().to_owned()).collect()
    }

    fn has(&self, name: &str, value: &str) -> bool {
        self.0.iter().any(|(field, given)| field == name && given == value)
    }

    fn number(&self, name: &'static str) -> Result<u32, Refused> {
        self.get(name).parse().map_err(|_| Refused::new(422, "expert_draw.refusal.number").field(name))
    }

    fn time(&self, name: &'static str) -> Result<Moment, Refused> {
        let at = Moment::parse_beijing(self.get(name));
        at.ok_or_else(|| Refused::new(422, "expert_draw.refusal.time").field(name))
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }
}

/// Parts of a text area: lines, or words between blanks, commas and semicolons.
fn words(text: &str) -> Vec<String> {
    let separates = |c: char| c.is_whitespace() || matches!(c, ',' | '，' | ';' | '；' | '、');
    text.split(separates).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

struct StratumRow {
    number: usize,
    name: String,
    codes: String,
    regions: String,
    seats: String,
}

#[derive(Template)]
#[template(path = "expert_draw/lot.html")]
struct LotPage {
    p: Page,
    lot: String,
    title: String,
    draws: Vec<DrawLine>,
    can_set_up: bool,
    why_not: String,
    fields: Fields,
    strata: Vec<StratumRow>,
    parties: Vec<(&'static str, String, bool)>,
    seats_wanted: u32,
    /// Numbers that still have to be drawn: name, possible values.
    numbers: Vec<(String, String)>,
}

async fn see_lot(door: &Door, who: &Who, number: String, lot: String) -> Result<LotFacts, Failure> {
    let who = who.clone();
    door.look(move |db| {
        let facts = lot_named(db, &number, &lot)?;
        if may_see(&facts, &who) {
            Ok(facts)
        } else {
            Err(Refused::new(404, "platform.refusal.not_found").into())
        }
    })
    .await
}

async fn page_of(
    p: &Page,
    door: &Door,
    who: &Who,
    facts: LotFacts,
    fields: Fields,
) -> Result<LotPage, Failure> {
    let (page, own, known, vault) = (p.clone(), who.clone(), facts.clone(), door.vault().clone());
    let (draws, numbers) = door
        .look(move |db| {
            let mut draws = Vec::new();
            for row in store::draws_of(db, known.lot)? {
                let progress = store::progress(&row, &store::parties(db, row.id)?);
                draws.push(line(&page, &row, &progress, &known, &own, page.now));
            }
            let numbers = actions::numbers_left(db, &vault, &known)?;
            let words = |(name, values): (String, Vec<String>)| (name, values.join("  "));
            Ok((draws, numbers.into_iter().map(words).collect::<Vec<_>>()))
        })
        .await?;
    let may = if facts.is_own(who) {
        facts.may(Step::FixDraw, who.role, p.now).map(|_| ())
    } else {
        Err(Refusal::NotAParty.into())
    };
    let rows = |name| fields.all(name);
    let (names, codes, regions, seats) = (rows("stratum"), rows("codes"), rows("regions"), rows("seats"));
    let nth = |list: &[String], n: usize| list.get(n).cloned().unwrap_or_default();
    let row = |n: usize| StratumRow {
        number: n + 1,
        name: nth(&names, n),
        codes: nth(&codes, n),
        regions: nth(&regions, n),
        seats: nth(&seats, n),
    };
    let party = |code: &'static str| (code, p.t(&format!("account.role.{code}")), fields.has("party", code));
    Ok(LotPage {
        p: p.clone(),
        lot: facts.name(),
        title: facts.tender_title.clone(),
        draws,
        can_set_up: may.is_ok(),
        why_not: may.err().map(|refused: Refused| p.lang.refusal(&refused)).unwrap_or_default(),
        strata: (0..STRATUM_ROWS).map(row).collect(),
        parties: PARTIES.into_iter().map(party).collect(),
        seats_wanted: facts.terms.committee.experts,
        numbers,
        fields,
    })
}

/// What the form says before anybody typed: the committee that the tender documents ask for, all four parties, and
/// times an hour apart.
fn first_fields(facts: &LotFacts, now: Moment) -> Fields {
    let mut fields = Fields::default();
    fields.set("stratum", rust_i18n::t!("expert_draw.form.first_stratum", locale = "zh-CN"));
    fields.set("codes", facts.terms.specialities.join(" "));
    fields.set("regions", "");
    fields.set("seats", facts.terms.committee.experts.to_string());
    fields.set("cap", "1");
    fields.set("worked_years", "3");
    PARTIES.into_iter().for_each(|party| fields.set("party", party));
    fields.set("source", "lottery");
    fields.set("reveal_by", now.plus(HOUR).beijing_field());
    fields.set("public_at", now.plus(2 * HOUR).beijing_field());
    fields
}

pub(super) async fn lot_get(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let facts = see_lot(&door, &who, number, lot).await?;
    let fields = first_fields(&facts, p.now);
    let page = page_of(&p, &door, &who, facts, fields).await?;
    p.html(&page)
}

/// Parties, source and times.
fn new_draw(fields: &Fields, facts: &LotFacts) -> Result<NewDraw, Refused> {
    let reveal_by = fields.time("reveal_by")?;
    let typed_at = fields.time("public_at")?;
    let (source, public_at) = if fields.get("source") == "drand" {
        let round = quicknet_round_from(typed_at).to_string();
        let at = quicknet_time(&round).unwrap_or(typed_at);
        (PublicSource::Drand { network: "quicknet".into(), round }, at)
    } else {
        let text = |name| fields.get(name).to_owned();
        let (name, issue) = (text("lottery_name"), text("lottery_issue"));
        (PublicSource::Lottery { name, issue, published_at: text("lottery_where") }, typed_at)
    };
    Ok(NewDraw { lot: facts.lot, parties: fields.all("party"), source, reveal_by, public_at })
}

fn new_experts(fields: &Fields, now: Moment) -> Result<NewExperts, Refused> {
    let (names, codes) = (fields.all("stratum"), fields.all("codes"));
    let (regions, seats) = (fields.all("regions"), fields.all("seats"));
    let mut strata = Vec::new();
    for (n, name) in names.iter().enumerate().take(STRATUM_ROWS).filter(|(_, name)| !name.is_empty()) {
        let text = |list: &[String]| list.get(n).cloned().unwrap_or_default();
        let wrong = |_| Refused::new(422, "expert_draw.refusal.number").field("strata");
        strata.push(StratumRule {
            name: name.clone(),
            seats: text(&seats).parse().map_err(wrong)?,
            specialities: words(&text(&codes)),
            regions: words(&text(&regions)),
        });
    }
    Ok(NewExperts {
        conditions: Conditions {
            strata,
            cap: fields.number("cap")?,
            worked_years: fields.number("worked_years")?,
            on: now.beijing_date(),
        },
        avoid_units: lines(fields.get("avoid_units")),
        declared: words(fields.get("declared")).into_iter().collect(),
    })
}

#[derive(Template)]
#[template(path = "expert_draw/check.html")]
struct CheckPage {
    p: Page,
    lot: String,
    title: String,
    heading: String,
    action: String,
    /// Name and value of everything that will be fixed.
    summary: Vec<(String, String)>,
    /// Stratum, seats, candidates.
    candidates: Vec<(String, u32, usize)>,
    /// Reason, people.
    removed: Vec<(String, usize)>,
    fields: Vec<(String, String)>,
}

fn summary_of(p: &Page, new: &NewDraw) -> Vec<(String, String)> {
    let names: Vec<String> = new.parties.iter().map(|party| p.t(&format!("account.role.{party}"))).collect();
    vec![
        (p.t("expert_draw.form.parties"), names.join(&p.t("expert_draw.and"))),
        (p.t("expert_draw.form.source"), source_words(p, &new.source)),
        (p.t("expert_draw.form.reveal_by"), new.reveal_by.beijing()),
        (p.t("expert_draw.form.public_at"), new.public_at.beijing()),
    ]
}

type FormPath = web::Path<(String, String)>;
type Form = Posted<Vec<(String, String)>>;

/// A form of the lot's page that came in, and from whom.
struct Asked {
    who: Who,
    p: Page,
    facts: LotFacts,
    fields: Fields,
}

impl Asked {
    async fn read((who, p): (Who, Page), door: &Door, path: FormPath, form: Form) -> Result<Self, Failure> {
        let (number, lot) = path.into_inner();
        let facts = see_lot(door, &who, number, lot).await?;
        Ok(Self { who, p, facts, fields: Fields(form.0) })
    }

    fn new_draw(&self) -> Result<NewDraw, Refused> {
        new_draw(&self.fields, &self.facts)
    }

    fn new_experts(&self) -> Result<(NewDraw, NewExperts), Refused> {
        Ok((self.new_draw()?, new_experts(&self.fields, self.p.now)?))
    }

    /// Sets the draw up and goes to it, or shows the lot's page again with what was wrong.
    async fn set_up(
        self,
        door: &Door,
        act: impl FnOnce(&mut Act<'_>, &Who) -> Result<Id<Draw>, Failure> + Send + 'static,
    ) -> Answer {
        let who = self.who.clone();
        let made = door.act(self.who.actor(), move |a| act(a, &who)).await;
        match self.p.clone().or_problem(made)? {
            Ok(done) => Ok(Page::see(format!("/expert-draw/draw/{}", done.value))),
            Err(p) => self.again(p, door).await,
        }
    }

    async fn refused(self, refused: &Refused, door: &Door) -> Answer {
        let p = self.p.clone().with_problem(refused);
        self.again(p, door).await
    }

    /// Shows the lot's page again with what was wrong.
    async fn again(self, p: Page, door: &Door) -> Answer {
        let page = page_of(&p, door, &self.who, self.facts, self.fields).await?;
        p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
    }

    /// The page on which everything is shown once more before it is fixed.
    fn check_page(self, kind: &str, summary: Vec<(String, String)>) -> CheckPage {
        CheckPage {
            lot: self.facts.name(),
            title: self.facts.tender_title.clone(),
            heading: self.p.t(&format!("expert_draw.check.{kind}")),
            action: format!("/expert-draw/{}/{kind}", self.facts.name()),
            summary,
            candidates: vec![],
            removed: vec![],
            fields: self.fields.0,
            p: self.p,
        }
    }
}

pub(super) async fn experts_check_post(
    Among(who, ..): Among<(Agent, Entity)>,
    p: Page,
    door: web::Data<Door>,
    path: FormPath,
    form: Form,
) -> Answer {
    let asked = Asked::read((who, p.clone()), &door, path, form).await?;
    let checked = match asked.new_experts() {
        Ok((new, experts)) => {
            let (own, vault, now) = (asked.who.clone(), door.vault().clone(), p.now);
            let look = door.look(move |db| {
                let preview = actions::preview(db, &vault, &own, &new, &experts, now)?;
                Ok((new, experts, preview))
            });
            look.await
        }
        Err(refused) => Err(refused.into()),
    };
    let (new, experts, preview) = match p.clone().or_problem(checked)? {
        Ok(checked) => checked,
        Err(p) => return asked.again(p, &door).await,
    };
    let mut summary = summary_of(&p, &new);
    summary.push((p.t("expert_draw.form.cap"), experts.conditions.cap.to_string()));
    summary.push((p.t("expert_draw.form.worked_years"), experts.conditions.worked_years.to_string()));
    summary.push((p.t("expert_draw.form.avoid_units"), experts.avoid_units.join("\n")));
    let declared: Vec<String> = experts.declared.iter().cloned().collect();
    summary.push((p.t("expert_draw.form.declared"), declared.join(" ")));
    let removed = preview.removed.iter().map(|(reason, count)| (p.t(reason.key()), *count)).collect();
    p.html(&CheckPage { candidates: preview.candidates, removed, ..asked.check_page("experts", summary) })
}

pub(super) async fn experts_post(
    Among(who, ..): Among<(Agent, Entity)>,
    p: Page,
    door: web::Data<Door>,
    path: FormPath,
    form: Form,
) -> Answer {
    let asked = Asked::read((who, p), &door, path, form).await?;
    match asked.new_experts() {
        Ok((new, experts)) => {
            asked.set_up(&door, move |act, who| actions::set_up_experts(act, who, &new, &experts)).await
        }
        Err(refused) => asked.refused(&refused, &door).await,
    }
}

pub(super) async fn coefficient_check_post(
    Among(who, ..): Among<(Agent, Entity)>,
    p: Page,
    door: web::Data<Door>,
    path: FormPath,
    form: Form,
) -> Answer {
    let asked = Asked::read((who, p.clone()), &door, path, form).await?;
    let checked = match asked.new_draw() {
        Ok(new) => {
            let (vault, lot, name) =
                (door.vault().clone(), asked.facts.clone(), asked.fields.get("number_name").to_owned());
            let now = p.now;
            let look = door.look(move |db| {
                let values = actions::check_coefficient(db, &vault, &lot, &new, &name, now)?;
                Ok((new, name, values))
            });
            look.await
        }
        Err(refused) => Err(refused.into()),
    };
    let (new, name, values) = match p.clone().or_problem(checked)? {
        Ok(checked) => checked,
        Err(p) => return asked.again(p, &door).await,
    };
    let mut summary = summary_of(&p, &new);
    summary.push((p.t("expert_draw.form.number_name"), name));
    summary.push((p.t("expert_draw.form.values"), values.join("  ")));
    p.html(&asked.check_page("coefficient", summary))
}

pub(super) async fn coefficient_post(
    Among(who, ..): Among<(Agent, Entity)>,
    p: Page,
    door: web::Data<Door>,
    path: FormPath,
    form: Form,
) -> Answer {
    let asked = Asked::read((who, p), &door, path, form).await?;
    match asked.new_draw() {
        Ok(new) => {
            let name = asked.fields.get("number_name").to_owned();
            asked.set_up(&door, move |act, who| actions::set_up_coefficient(act, who, &new, &name)).await
        }
        Err(refused) => asked.refused(&refused, &door).await,
    }
}
