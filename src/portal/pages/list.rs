//! Lists of lots: filter, order, next page, and the same as CSV.

use crate::account::page::Page;
use crate::ledger::Door;
use crate::platform::refusal::Fault;
use crate::platform::web::{Answer, Failed, Lang};
use crate::portal::store::{self, Query, Row, Sort};
use crate::project::phase::Phase;
use crate::project::place::{Category, Region};
use crate::project::search::grams_for;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

/// Lines of one page.
const PAGE: i64 = 20;
/// Lines of a CSV file.
const CSV_LINES: i64 = 5_000;
/// Longest search text, in characters.
const WORD_CHARACTERS_MAX: usize = 60;

/// Phases that the public can filter by, in the order of a tender's life.
pub const PHASES: [Phase; 10] = [
    Phase::Announced,
    Phase::Bidding,
    Phase::Opening,
    Phase::Evaluation,
    Phase::Evaluated,
    Phase::Publicity,
    Phase::Awarded,
    Phase::Completed,
    Phase::Unsuccessful,
    Phase::Cancelled,
];

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(super) struct Asked {
    word: String,
    phase: String,
    category: String,
    region: String,
    sort: String,
    after: String,
}

impl Asked {
    /// What is not understood is left out, so that an old link still shows something.
    fn query(&self) -> Query {
        let after =
            self.after.split_once('.').and_then(|(key, lot)| Some((key.parse().ok()?, lot.to_owned())));
        Query {
            word: self.word.chars().take(WORD_CHARACTERS_MAX).collect(),
            phase: Phase::from_code(&self.phase).filter(|phase| PHASES.contains(phase)),
            category: Category::from_code(&self.category).map(|category| category.code().to_owned()),
            region: Region::find(&self.region).map(|region| region.code.clone()),
            sort: if self.sort == "deadline" { Sort::Deadline } else { Sort::Newest },
            after,
        }
    }

    /// The address of this list with other settings; empty ones left out.
    fn address(&self, path: &str, after: Option<(i64, String)>) -> String {
        let after = after.map(|(key, lot)| format!("{key}.{lot}")).unwrap_or_default();
        let fields = [
            ("word", &self.word),
            ("phase", &self.phase),
            ("category", &self.category),
            ("region", &self.region),
            ("sort", &self.sort),
            ("after", &after),
        ];
        let given: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let query = serde_urlencoded::to_string(given).unwrap_or_default();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// A line as it is shown.
pub(super) struct Line {
    pub href: String,
    pub number: String,
    pub title: String,
    pub lot: String,
    pub category: String,
    pub region: String,
    pub entity: String,
    pub ceiling: String,
    pub announced: String,
    pub deadline: String,
    pub phase: String,
    pub tag: &'static str,
    pub held: bool,
}

impl Line {
    pub fn new(lang: Lang, row: &Row) -> Self {
        Self {
            href: format!("/tender/{}#lot-{}", row.number, row.lot_number),
            number: row.number.clone(),
            title: row.title.clone(),
            lot: format!("{} · {}", row.lot_number, row.lot_title),
            category: lang.t(&format!("project.category.{}", row.category)),
            region: Region::find(&row.region)
                .map_or_else(String::new, |r| r.name.in_locale(lang.code()).to_owned()),
            entity: row.entity.clone(),
            ceiling: row.ceiling.to_string(),
            announced: row.announced_at.beijing_minute(),
            deadline: row.bids_until.beijing_minute(),
            phase: lang.t(&format!("project.phase.{}", row.phase.code())),
            tag: tag_of(row.phase),
            held: row.held,
        }
    }
}

/// The colour of a phase's tag: sun while bidders can do something, good when it ended well.
pub(super) fn tag_of(phase: Phase) -> &'static str {
    match phase {
        Phase::Bidding | Phase::Publicity => "sun",
        Phase::Completed | Phase::Awarded => "good",
        Phase::Unsuccessful | Phase::Cancelled => "danger",
        _ => "",
    }
}

/// (value, label, whether it is chosen) of a filter.
pub(super) type Options = Vec<(String, String, bool)>;

pub(super) fn phase_options(p: &Page, chosen: &str) -> Options {
    let option = |phase: &Phase| {
        let code = phase.code();
        (code.to_owned(), p.t(&format!("project.phase.{code}")), code == chosen)
    };
    PHASES.iter().map(option).collect()
}

pub(super) fn category_options(p: &Page, chosen: &str) -> Options {
    let option = |category: &Category| {
        let code = category.code();
        (code.to_owned(), p.t(&format!("project.category.{code}")), code == chosen)
    };
    Category::ALL.iter().map(option).collect()
}

pub(super) fn region_options(p: &Page, chosen: &str) -> Options {
    let option = |region: &Region| {
        (region.code.clone(), region.name.in_locale(p.lang.code()).to_owned(), region.code == chosen)
    };
    Region::all().iter().map(option).collect()
}

#[derive(Template)]
#[template(path = "portal/list.html")]
struct ListPage {
    p: Page,
    asked: Asked,
    phases: Options,
    categories: Options,
    regions: Options,
    lines: Vec<Line>,
    next: Option<String>,
    first: Option<String>,
    csv: String,
    short_word: bool,
}

pub(super) async fn list_get(p: Page, door: web::Data<Door>, asked: web::Query<Asked>) -> Answer {
    let asked = asked.into_inner();
    let query = asked.query();
    let now = p.now;
    let word = query.word.trim().to_owned();
    let sort = query.sort;
    let rows = door.look(move |db| Ok(store::lots(db, &query, now, PAGE + 1)?)).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|count| count > PAGE);
    let shown = rows.len().min(usize::try_from(PAGE).unwrap_or(0));
    let shown = rows.get(..shown).unwrap_or_default();
    let next = shown.last().filter(|_| more).map(|last| asked.address("/tenders", Some(last.key(sort))));
    let page = ListPage {
        phases: phase_options(&p, &asked.phase),
        categories: category_options(&p, &asked.category),
        regions: region_options(&p, &asked.region),
        lines: shown.iter().map(|row| Line::new(p.lang, row)).collect(),
        next,
        first: (!asked.after.is_empty()).then(|| asked.address("/tenders", None)),
        csv: asked.address("/tenders.csv", None),
        short_word: !word.is_empty() && grams_for(&word).is_empty(),
        p: p.clone(),
        asked,
    };
    p.html(&page)
}

pub(super) async fn csv_get(p: Page, door: web::Data<Door>, asked: web::Query<Asked>) -> Answer {
    let query = asked.into_inner().query();
    let now = p.now;
    let rows = door.look(move |db| Ok(store::lots(db, &query, now, CSV_LINES)?)).await?;
    let bytes = csv_of(&p, &rows).map_err(Failed::from)?;
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header(("Content-Disposition", "attachment; filename=\"tenders.csv\""))
        .body(bytes))
}

fn csv_of(p: &Page, rows: &[Row]) -> Result<Vec<u8>, Fault> {
    // the mark at the beginning lets spreadsheets read Chinese
    let mut writer = csv::Writer::from_writer(vec![0xef, 0xbb, 0xbf]);
    let heads = [
        "number",
        "title",
        "lot",
        "category",
        "region",
        "entity",
        "ceiling",
        "announced",
        "deadline",
        "phase",
    ];
    writer.write_record(heads.map(|head| p.t(&format!("portal.column.{head}"))))?;
    for row in rows {
        let line = Line::new(p.lang, row);
        let ceiling = row.ceiling.plain();
        writer.write_record([
            &line.number,
            &plain(&line.title),
            &plain(&line.lot),
            &line.category,
            &line.region,
            &plain(&line.entity),
            &ceiling,
            &line.announced,
            &line.deadline,
            &line.phase,
        ])?;
    }
    writer.into_inner().map_err(|e| Fault::new(e.to_string()))
}

/// A text that a spreadsheet will not take for a formula.
fn plain(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() }
}
