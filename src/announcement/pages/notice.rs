//! A notice as everybody reads it, under an address that stays.

use crate::account::page::Page;
use crate::account::role::Role;
use crate::announcement::rules::{Listed, ListedLot, Notice};
use crate::announcement::store::{self, Published};
use crate::ledger::Door;
use crate::platform::moment::Moment;
use crate::platform::refusal::Refused;
use crate::platform::web::Answer;
use crate::project;
use crate::project::place::Region;
use crate::project::rulebook::Rulebook;
use crate::project::schedule::Weight;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

/// A notice in words, for `templates/announcement/_notice.html`.
pub(super) struct View {
    pub number: String,
    pub version: u32,
    pub title: String,
    pub category: String,
    pub region: String,
    pub rulebook: String,
    pub entity: String,
    pub agent: String,
    pub dates: Vec<(String, String)>,
    pub lots: Vec<LotView>,
    pub scope: String,
    pub qualification: String,
    pub contact: String,
    pub remarks: String,
    pub documents: Vec<DocumentView>,
    pub change: Option<ChangeView>,
}

pub(super) struct LotView {
    pub number: u8,
    pub title: String,
    pub ceiling: String,
    pub deposit: String,
    pub method: String,
    pub envelopes: String,
    pub lock: String,
    pub committee: String,
    pub minimum: u32,
}

pub(super) struct DocumentView {
    pub id: String,
    pub name: String,
    pub size: String,
    pub sha256: String,
}

pub(super) struct ChangeView {
    pub summary: String,
    pub weight: String,
    pub previous: u32,
}

impl View {
    pub fn new(p: &Page, notice: &Notice) -> Self {
        let lang = p.lang.code();
        let schedule = &notice.schedule;
        let date = |key: &str, at: Moment| (p.t(&format!("project.schedule.{key}")), at.beijing_minute());
        let weight = |weight: Weight| match weight {
            Weight::AffectsBids => p.t("announcement.weight.affects_bids"),
            Weight::Editorial => p.t("announcement.weight.editorial"),
        };
        Self {
            number: notice.number.to_string(),
            version: notice.version,
            title: notice.title.clone(),
            category: p.t(&format!("project.category.{}", notice.category.code())),
            region: Region::find(&notice.region)
                .map_or_else(String::new, |r| r.name.in_locale(lang).to_owned()),
            rulebook: Rulebook::find(&notice.rulebook)
                .map_or_else(|| notice.rulebook.to_string(), |book| book.name.in_locale(lang).to_owned()),
            entity: notice.entity.clone(),
            agent: notice.agent.clone(),
            dates: vec![
                date("documents_from", schedule.documents_from),
                date("documents_until", schedule.documents_until),
                date("questions_until", schedule.questions_until),
                date("bids_until", schedule.bids_until),
            ],
            lots: notice.lots.iter().map(|lot| LotView::new(p, lot)).collect(),
            scope: notice.text.scope.clone(),
            qualification: notice.text.qualification.clone(),
            contact: notice.text.contact.clone(),
            remarks: notice.text.remarks.clone(),
            documents: notice.documents.iter().map(DocumentView::new).collect(),
            change: notice.change.as_ref().map(|change| ChangeView {
                summary: change.summary.clone(),
                weight: weight(change.weight),
                previous: notice.version.saturating_sub(1),
            }),
        }
    }
}

impl LotView {
    fn new(p: &Page, lot: &ListedLot) -> Self {
        let terms = &lot.terms;
        Self {
            number: lot.number,
            title: lot.title.clone(),
            ceiling: terms.ceiling.to_string(),
            deposit: if terms.deposit.0 == 0 {
                p.t("announcement.no_deposit")
            } else {
                terms.deposit.to_string()
            },
            method: p.t(&format!("project.method.{}", terms.method.code())),
            envelopes: p.t(&format!("project.lot.envelopes.{}", terms.envelopes.code())),
            lock: match terms.dual {
                None => p.t("project.lot.lock.trustees"),
                Some(dual) => p.tv("project.lot.lock.dual.shown", "minutes", dual.minutes),
            },
            committee: p.tvv(
                "announcement.committee",
                "size",
                terms.committee.size,
                "experts",
                terms.committee.experts,
            ),
            minimum: terms.minimum_bidders,
        }
    }
}

impl DocumentView {
    pub fn new(listed: &Listed) -> Self {
        Self {
            id: listed.id.to_string(),
            name: listed.name.clone(),
            size: listed.bytes.parse().map_or_else(|_| String::new(), size_of),
            sha256: listed.sha256.clone(),
        }
    }
}

/// A size as people read it: one unit, at most one decimal, rounded up.
pub(super) fn size_of(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..MIB => format!("{} KiB", bytes.div_ceil(1024)),
        _ => {
            let tenths = (bytes * 10).div_ceil(MIB);
            format!("{}.{} MiB", tenths / 10, tenths % 10)
        }
    }
}

#[derive(Template)]
#[template(path = "announcement/notice.html")]
struct NoticePage {
    p: Page,
    n: View,
    published: String,
    digest: String,
    signer: String,
    entry: String,
    versions: Vec<(u32, String)>,
    is_newest: bool,
    newest: u32,
    may_download: bool,
    has_them: bool,
    just_published: bool,
    /// The bid deadline as it is now, if an outage has moved it since this notice.
    moved: Option<String>,
}

#[derive(Deserialize, Default)]
pub(super) struct Just {
    #[serde(default)]
    published: String,
}

async fn show(p: Page, door: web::Data<Door>, number: String, version: Option<u32>, just: bool) -> Answer {
    let vault = door.vault().clone();
    let bidder = p.who.clone().filter(|who| who.role == Role::Bidder);
    let now = p.now;
    let (all, may_download, has_them, until) = door
        .look(move |db| {
            let tender = project::store::seen_tender(db, &number, None)?;
            let all = store::notices(db, tender.tender)?;
            let lots = project::store::lots_of(db, tender.tender)?;
            let has_them = match &bidder {
                Some(who) => store::has_documents(db, &vault, who.person, tender.tender)?,
                None => false,
            };
            let may =
                bidder.is_some() && crate::announcement::actions::check_issue(&lots, has_them, now).is_ok();
            let until = project::store::schedule(db, tender.tender)?.map(|schedule| schedule.bids_until);
            Ok((all, may, has_them, until))
        })
        .await?;
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let newest = all.last().ok_or_else(missing)?.notice.version;
    let wanted = version.unwrap_or(newest);
    let shown: &Published = all.iter().find(|found| found.notice.version == wanted).ok_or_else(missing)?;
    let page = NoticePage {
        p: p.clone(),
        n: View::new(&p, &shown.notice),
        published: shown.at.beijing(),
        digest: shown.notice.digest(),
        signer: shown.notice.agent.clone(),
        entry: shown.entry.to_string(),
        versions: all.iter().map(|found| (found.notice.version, found.at.beijing_minute())).collect(),
        is_newest: wanted == newest,
        newest,
        may_download: may_download && wanted == newest,
        has_them,
        just_published: just,
        moved: until
            .filter(|until| wanted == newest && *until > shown.notice.schedule.bids_until)
            .map(Moment::beijing_minute),
    };
    p.html(&page)
}

pub(super) async fn newest_get(p: Page, door: web::Data<Door>, path: web::Path<String>) -> Answer {
    show(p, door, path.into_inner(), None, false).await
}

pub(super) async fn version_get(
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, u32)>,
    query: web::Query<Just>,
) -> Answer {
    let (number, version) = path.into_inner();
    let just = query.published == "1" && p.is(Role::Agent);
    show(p, door, number, Some(version), just).await
}

/// The signed notice as a file, for whoever wants to check it without this server.
pub(super) async fn signed_get(door: web::Data<Door>, path: web::Path<(String, u32)>) -> Answer {
    let (number, version) = path.into_inner();
    let name = format!("notice-{number}-{version}.json");
    let all = door
        .look(move |db| {
            let tender = project::store::seen_tender(db, &number, None)?;
            Ok(store::notices(db, tender.tender)?)
        })
        .await?;
    let found = all.into_iter().find(|found| found.notice.version == version);
    let found = found.ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?;
    Ok(HttpResponse::Ok()
        .insert_header(("Content-Disposition", format!("attachment; filename=\"{name}\"")))
        .json(found.signed))
}

#[cfg(test)]
mod tests {
    use super::size_of;

    #[test]
    fn sizes_are_rounded_up_to_what_people_read() {
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (1025, "2 KiB"), (1 << 20, "1.0 MiB"), (1_100_000, "1.1 MiB")]
        {
            assert_eq!(size_of(bytes), text);
        }
    }
}
